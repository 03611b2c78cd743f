import SelatCore
import SelatCrypto

extension MemberRecord {
    /// In what this record differs from an older one; nil compares with nothing, as a first record
    /// does.
    package func differences(from before: MemberRecord?) -> [Difference] {
        var comparison = Comparison()
        comparison.compare("country", before?.country.code, country.code)
        comparison.compare("serial", before.map { "\($0.serial)" }, "\(serial)")
        comparison.compare("issued", before?.issued.text, issued.text)
        comparison.compare("expires", before?.expires.text, expires.text)
        comparison.compare(before?.nodesByID ?? [:], nodesByID) { comparison, id, old, new in
            comparison.compare(node: id, old, new)
        }
        comparison.compare(before?.officersByID ?? [:], officersByID) { comparison, id, old, new in
            comparison.compare("officer \(id)", old?.words, new?.words)
        }
        comparison.compare("policy signer", before?.policySigners ?? [], policySigners)
        comparison.compare(
            "policy threshold", before.map { "\($0.policyThreshold)" }, "\(policyThreshold)")
        comparison.compare(
            "witness quorum", before.map(\.witnessQuorumWords), witnessQuorumWords)
        return comparison.differences
    }

    private var nodesByID: [NodeID: Node] {
        Dictionary(uniqueKeysWithValues: nodes.map { ($0.id, $0) })
    }

    private var officersByID: [OfficerID: Officer] {
        Dictionary(uniqueKeysWithValues: officers.map { ($0.id, $0) })
    }

    private var witnessQuorumWords: String { witnessQuorum.map { "\($0)" } ?? "the usual" }
}

extension Comparison {
    fileprivate mutating func compare(
        node id: NodeID, _ before: MemberRecord.Node?, _ after: MemberRecord.Node?
    ) {
        let name = "node \(id)"
        compare(name, before?.words, after?.words)
        compare("\(name), log key", before?.logKeyWords, after?.logKeyWords)
        compare("\(name), witness key", before?.witnessKeyWords, after?.witnessKeyWords)
        compare("\(name), tls", before?.tls ?? [], after?.tls ?? [])
        compare("\(name), signing", before?.signing ?? [], after?.signing ?? [])
        compare("\(name), agreement", before?.agreement ?? [], after?.agreement ?? [])
        compare("\(name), ML-KEM", before?.mlkem ?? [], after?.mlkem ?? [])
        compare("\(name), links", before.map(\.linkWords), after.map(\.linkWords))
    }
}

extension MemberRecord.Node {
    fileprivate var words: String {
        "\(endpoint), roles "
            + (roles.isEmpty ? "none" : roles.map(\.rawValue).sorted().joined(separator: ", "))
    }
}

extension MemberRecord.Node {
    fileprivate var logKeyWords: String { Self.words(logKey, type: 0x01) }
    fileprivate var witnessKeyWords: String? { witnessKey.map { Self.words($0, type: 0x04) } }

    /// A key with its fingerprint, which people compare by telephone.
    /// - Parameter type: of the key, as C2SP signed notes number it.
    private static func words(_ text: String, type: UInt8) -> String {
        // `name+id+base64(type ‖ key)`; the base64 part may itself hold a plus.
        let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let bytes = Base64.decode(parts[2]), bytes.first == type,
            let key = try? PublicKey(ed25519Raw: Array(bytes.dropFirst()))
        else { return "\(text), which is no key" }
        return "\(text), key \(key.fingerprint)"
    }
}

extension MemberRecord.Node {
    fileprivate var linkWords: String {
        guard let links else { return "every node" }
        return links.isEmpty ? "none" : links.sorted().map(\.text).joined(separator: ", ")
    }
}

extension MemberRecord.Officer {
    fileprivate var words: String {
        "\(roles.isEmpty ? "no role" : roles.sorted().joined(separator: ", ")); "
            + certificate.introduction
    }
}
