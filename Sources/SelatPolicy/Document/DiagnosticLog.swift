package import SelatCore

/// Diagnostics as a document for other programs: editors, forges, scripts.
package enum DiagnosticLog {
    /// A SARIF 2.1.0 log (OASIS) with one run: every code as a rule, every diagnostic as a result.
    /// Columns count Unicode scalars.
    /// - Parameter version: of the program that names itself as the tool.
    package static func sarif(_ diagnostics: [PolicyDiagnostic], version: String) -> JSON {
        let codes = PolicyDiagnostic.Code.allCases
        let driver: JSON = [
            "name": "selat", "semanticVersion": .string(version), "rules": .array(codes.map(rule)),
        ]
        let run: JSON = [
            "tool": ["driver": driver], "columnKind": "unicodeCodePoints",
            "results": .array(diagnostics.map(result)),
        ]
        return [
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
            "runs": [run],
        ]
    }

    /// One diagnostic with everything that its code says.
    package static func json(_ diagnostic: PolicyDiagnostic) -> JSON {
        [
            "file": .string(diagnostic.file), "line": .integer(Int64(diagnostic.line)),
            "column": .integer(Int64(diagnostic.column)),
            "code": .string(diagnostic.code.rawValue),
            "severity": .string(diagnostic.severity.rawValue),
            "message": .string(diagnostic.message),
            "meaning": .string(diagnostic.code.meaning),
            "instead": .string(diagnostic.code.instead),
        ]
    }

    private static func rule(_ code: PolicyDiagnostic.Code) -> JSON {
        [
            "id": .string(code.rawValue), "shortDescription": ["text": .string(code.meaning)],
            "help": ["text": .string("write instead: \(code.instead)")],
            "defaultConfiguration": ["level": .string(code.severity.rawValue)],
        ]
    }

    private static func result(_ diagnostic: PolicyDiagnostic) -> JSON {
        let index = PolicyDiagnostic.Code.allCases.firstIndex(of: diagnostic.code) ?? 0
        let region: JSON = [
            "startLine": .integer(Int64(diagnostic.line)),
            "startColumn": .integer(Int64(diagnostic.column)),
        ]
        let place: JSON = [
            "artifactLocation": ["uri": .string(uri(diagnostic.file))], "region": region,
        ]
        return [
            "ruleId": .string(diagnostic.code.rawValue), "ruleIndex": .integer(Int64(index)),
            "level": .string(diagnostic.severity.rawValue),
            "message": ["text": .string(diagnostic.message)],
            "locations": [["physicalLocation": place]],
        ]
    }

    /// A path as a URI reference (RFC 3986): relative as it is, absolute as `file:`.
    static func uri(_ path: String) -> String {
        let kept = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/".utf8)
        let hex = Array("0123456789ABCDEF")
        let encoded = path.utf8.map { byte in
            kept.contains(byte)
                ? String(UnicodeScalar(byte)) : "%\(hex[Int(byte >> 4)])\(hex[Int(byte & 15)])"
        }.joined()
        return path.hasPrefix("/") ? "file://\(encoded)" : encoded
    }
}
