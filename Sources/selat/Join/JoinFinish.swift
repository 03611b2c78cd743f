import ArgumentParser
import FoundationEssentials
import Glibc
import SelatCore
import SelatCrypto
import SelatFederation

struct JoinFinish: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "finish",
        abstract: "Check the certificates that the authority issued, and put them in their places.",
        discussion: """
            Says of each certificate that does not serve what is wrong with it. The
            authority's own certificate comes from the membership list, or, while the
            country is no member yet, from --ca.

            Example:
              selat join finish --out /etc/selat \\
                --certificates tls.pem signing.pem agreement.pem \\
                --membership membership/
            """)

    @Option(help: "The folder that `selat join` made.")
    var out: String

    @Option(parsing: .upToNextOption, help: "What the authority issued, PEM.")
    var certificates: [String]

    @Option(help: "The authority's own certificate, PEM, while the country is no member yet.")
    var ca: String?

    @Option(help: "A folder with the membership list, records and revocation lists.")
    var membership: String?

    @Flag(help: "Print one JSON document instead of text.")
    var json = false

    func run() async throws {
        let folder = NodeFolder(out)
        let sheet = try folder.readSheet()
        let anchors = try anchors(of: sheet)
        let now = SystemClock().now()
        let issued = try IssuedCertificates(
            sheet: sheet, files: certificates, anchors: anchors, at: now)
        guard issued.faults.isEmpty else {
            for fault in issued.faults { Terminal.error(fault) }
            throw Ending(
                .verificationFailed,
                hint: "ask the authority for another; its commands are in certs/README.md")
        }
        for (purpose, certificate) in issued.found {
            try put(certificate, at: folder.certificate(purpose))
        }
        try report(folder, issued.found)
    }

    private func anchors(of sheet: JoinSheet) throws -> TrustAnchors {
        let country = sheet.node.country
        if let ca {
            return try TrustAnchors(
                country: country, anchors: [try PEMFile.certificate(ca)], revocationLists: [])
        }
        guard let membership else {
            throw Ending(.usage, "whose certificates are they? name --membership or --ca")
        }
        let federation = try JoinedFederation.load(membership, trust: sheet.federation)
        do {
            return try federation.tlsAnchors(for: country)
        } catch {
            throw Ending(
                .failed, "`\(country)` is no member yet",
                hint: "name its authority's certificate with --ca")
        }
    }

    /// Once more with the same certificate is no mistake; another one in its place would be.
    private func put(_ certificate: Certificate, at path: String) throws {
        if access(path, F_OK) == 0, try PEMFile.certificate(path) == certificate { return }
        try NewFile.write(certificate.pem, to: path)
    }

    private func report(
        _ folder: NodeFolder, _ found: [KeyPurpose: Certificate]
    ) throws {
        let missing = KeyPurpose.certified.filter { purpose in
            found[purpose] == nil && access(folder.certificate(purpose), F_OK) != 0
        }
        if json {
            Terminal.result([
                "certificates": .array(
                    KeyPurpose.certified.compactMap { purpose in
                        found[purpose].map { certificate in
                            [
                                "purpose": .string(purpose.rawValue),
                                "fingerprint": .string(certificate.publicKey.fingerprint.text),
                                "not_after": .string(certificate.notAfter.text),
                            ]
                        }
                    }), "missing": .strings(missing.map(\.rawValue)),
            ])
        } else {
            var table = Table(["key", "until", "fingerprint"])
            for (purpose, certificate) in found.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                table.add([
                    purpose.rawValue, certificate.notAfter.text,
                    certificate.publicKey.fingerprint.text,
                ])
            }
            Terminal.result(table.text)
        }
        guard missing.isEmpty else {
            let names = missing.map(\.rawValue).joined(separator: ", ")
            throw Ending(.notYet, "still missing: the certificate for \(names)")
        }
        Terminal.hint("start selatd: it waits until the membership lists the node, then serves")
    }
}

/// What an authority returned, each beside the key that it is for.
struct IssuedCertificates {
    private(set) var found: [KeyPurpose: Certificate] = [:]
    /// Of each file that does not serve, what is wrong with it.
    private(set) var faults: [String] = []

    init(sheet: JoinSheet, files: [String], anchors: TrustAnchors, at time: Timestamp) throws {
        for file in files {
            for certificate in try PEMFile.certificates(file) {
                take(certificate, of: file, sheet, anchors, at: time)
            }
        }
    }

    private mutating func take(
        _ certificate: Certificate, of file: String, _ sheet: JoinSheet, _ anchors: TrustAnchors,
        at time: Timestamp
    ) {
        // Authorities like to send their own along.
        if certificate.isAuthority { return }
        let entry = sheet.requests.first { $0.value.publicKey == certificate.publicKey }
        guard let (purpose, request) = entry else {
            let key = certificate.publicKey.fingerprint
            faults.append("`\(file)`: it is for none of this node's keys, but for \(key)")
            return
        }
        let reasons = purpose.faults(
            of: certificate, for: sheet.node, key: request.publicKey, anchors: anchors, at: time)
        faults += reasons.map { "`\(file)`, for the \(purpose.rawValue) key: \($0)" }
        if reasons.isEmpty { found[purpose] = certificate }
    }
}

/// Certificates in files.
enum PEMFile {
    /// Every certificate of a file, at least one.
    /// - Throws: `Ending`: what cannot be read is 1, what holds no certificate 3.
    static func certificates(_ path: String) throws -> [Certificate] {
        let contents = try bytes(path)
        do throws(CryptoError) {
            let blocks = try PEM.blocks("CERTIFICATE", in: contents)
            guard !blocks.isEmpty else { throw .unreadableCertificate("no `CERTIFICATE` block") }
            var found: [Certificate] = []
            for block in blocks { found.append(try Certificate(der: block)) }
            return found
        } catch {
            throw Ending(.verificationFailed, "`\(path)`: \(error)")
        }
    }

    /// The only certificate of a file.
    static func certificate(_ path: String) throws -> Certificate {
        let found = try certificates(path)
        guard found.count == 1 else {
            throw Ending(.usage, "`\(path)` holds \(found.count) certificates, expected one")
        }
        return found[0]
    }

    private static func bytes(_ path: String) throws -> [UInt8] {
        guard let contents = FileManager.default.contents(atPath: path) else {
            throw Ending(.failed, "reading `\(path)`: \(InputFile.hindrance(path))")
        }
        return Array(contents)
    }
}
