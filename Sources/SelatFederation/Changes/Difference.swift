package import SelatCore
package import SelatCrypto

/// One thing in which two versions of a document differ, in words for the one who is to sign.
package struct Difference: Hashable, Sendable, CustomStringConvertible {
    /// What differs: `quorum`, `member TH`, `node SG/csa: tls certificate`.
    package let what: String
    /// What stood there; nil for what is new.
    package let before: String?
    /// What stands there now; nil for what is gone.
    package let after: String?

    package init(_ what: String, before: String?, after: String?) {
        self.what = what
        self.before = before
        self.after = after
    }

    package var description: String {
        switch (before, after) {
        case (nil, let after?): "+ \(what): \(after)"
        case (let before?, nil): "- \(what): \(before)"
        case (let before, let after): "~ \(what): \(before ?? "") -> \(after ?? "")"
        }
    }

    package var json: JSON {
        var fields: JSON.Object = ["what": .string(what)]
        fields["before"] = before.map { .string($0) }
        fields["after"] = after.map { .string($0) }
        return .object(fields)
    }
}

/// Collects differences in the order in which they are asked for.
struct Comparison {
    private(set) var differences: [Difference] = []

    mutating func compare(_ what: String, _ before: String?, _ after: String?) {
        if before != after {
            differences.append(Difference(what, before: before, after: after))
        }
    }

    /// Entries that a key tells apart, each compared where both have it.
    mutating func compare<Key: Hashable & Comparable, Value: Hashable>(
        _ before: [Key: Value], _ after: [Key: Value],
        _ body: (inout Comparison, Key, Value?, Value?) -> Void
    ) {
        for key in Set(before.keys).union(after.keys).sorted() where before[key] != after[key] {
            body(&self, key, before[key], after[key])
        }
    }

    /// Keys and certificates are added and taken away, never changed; their order is said where it
    /// alone differs, since the first is the one in use.
    mutating func compare<Key: Introduced>(_ what: String, _ before: [Key], _ after: [Key]) {
        for gone in before where !after.contains(gone) {
            compare(what, gone.introduction, nil)
        }
        for new in after where !before.contains(new) {
            compare(what, nil, new.introduction)
        }
        let (kept, now) = (before.filter(after.contains), after.filter(before.contains))
        if kept != now {
            compare("\(what), order", Self.names(kept), Self.names(now))
        }
    }

    private static func names(_ keys: [some Introduced]) -> String {
        keys.map { "\($0.digest.hex.prefix(16))" }.joined(separator: ", ")
    }
}

/// What the one who is to sign compares by its fingerprint.
protocol Introduced: Equatable {
    var introduction: String { get }
    var digest: Digest { get }
}

extension MLKEMPublicKey: Introduced {
    /// Its kind and its fingerprint.
    package var introduction: String { "\(kind.rawValue), key \(fingerprint)" }
}

extension Certificate: Introduced {
    /// Whose it is, its key's fingerprint, which people compare by telephone, and its dates.
    package var introduction: String {
        "\(isAuthority ? "CA" : description), key \(publicKey.fingerprint), "
            + "\(notBefore) to \(notAfter)"
    }
}
