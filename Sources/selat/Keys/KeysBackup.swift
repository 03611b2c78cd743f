import ArgumentParser
import SelatCore
import SelatCrypto

struct KeysBackup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Make the key pair to which backups are sealed; needs no daemon.",
        discussion: """
            Makes backup.key and backup.pem. The certificate goes to the node, which seals
            to it and can open nothing with it: name it as `backup` in the configuration.
            Whoever holds the key can read everything that the node has, so it belongs
            where the node is not: on another machine, in a safe. Without it no backup
            opens, and there is no other way; keep two copies.

            Example:
              selat keys backup --node SG/csa --out /media/usb --passphrase-file pass
            """)

    @Option(help: "The node whose backups it is for; it stands in the certificate's name.")
    var node: NodeID

    @Option(help: "The folder in which both files are made.")
    var out: String

    @Option(help: "A file whose first line encrypts the key.")
    var passphraseFile: String?

    @Option(help: "How many years the certificate is good for.")
    var years: Int = 5

    @Flag(help: "Print one JSON document instead of text.")
    var json = false

    func validate() throws { try (1...20).require(years, of: "--years") }

    func run() async throws {
        let passphrase = try passphraseFile.map { try Passphrase.ofNewKeys($0) }
        // A key beside another one's certificate would open no backup, and nobody would see it.
        try NewFile.requireFree(["\(out)/backup.key", "\(out)/backup.pem"])
        let key = try PrivateKey.generate(.p384)
        let now = SystemClock().now()
        let certificate = try Certificate.forBackups(
            named: "\(node.country) \(node.name) backup", key: key, from: now + -60,
            until: now + Int64(years) * 366 * 86_400)
        try NewFile.makeFolder(out)
        var pem = try key.pem(passphrase: passphrase)
        defer { wipe(&pem) }
        let unfinished = Unfinished()
        try NewFile.write(pem, to: "\(out)/backup.key", of: unfinished)
        try NewFile.write(certificate.pem, to: "\(out)/backup.pem", of: unfinished)
        unfinished.keep()
        if passphrase == nil {
            Terminal.warning("the key is not encrypted; --passphrase-file does that")
        }
        if json {
            return Terminal.result([
                "key": .string("\(out)/backup.key"), "certificate": .string("\(out)/backup.pem"),
                "fingerprint": .string(key.publicKey.fingerprint.description),
                "not_after": .string(certificate.notAfter.text),
            ])
        }
        Terminal.result(
            "\(out)/backup.pem until \(certificate.notAfter), key \(key.publicKey.fingerprint)")
        Terminal.hint("name it as `backup` in the configuration; take \(out)/backup.key away")
    }
}
