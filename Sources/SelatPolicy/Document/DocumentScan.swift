import SelatCore

/// The checks on a file's bytes that come before the YAML parser sees them.
///
/// What is refused here could otherwise look different to a person and to the machine (control and
/// bidirectional characters, tabs), or make the parser work without bound (aliases). The scan knows
/// no YAML context, so it errs on the strict side: a word that begins with `*`, `&` or `!` is
/// refused even inside quotes.
struct DocumentScan {
    let file: String
    private(set) var problems: [PolicyDiagnostic] = []

    init(file: String) { self.file = file }

    /// - Returns: the text, or nil where anything was reported.
    mutating func text(of bytes: [UInt8]) -> String? {
        guard bytes.count <= Limits.policyFileBytesMax else {
            report(.size, 1, 1, "larger than \(Limits.policyFileBytesMax) bytes")
            return nil
        }
        guard !bytes.starts(with: [0xEF, 0xBB, 0xBF]) else {
            report(.encoding, 1, 1, "begins with a byte order mark; save as UTF-8 without one")
            return nil
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            reportInvalidUTF8(bytes)
            return nil
        }
        scan(text.unicodeScalars)
        return problems.isEmpty ? text : nil
    }

    private mutating func report(
        _ code: PolicyDiagnostic.Code, _ line: Int, _ column: Int, _ message: String
    ) {
        // One finding a file is enough to refuse it, a handful is enough to mend it.
        guard problems.count < 20 else { return }
        problems.append(
            PolicyDiagnostic(
                file: file, place: Place(line: line, column: column), code: code,
                message: message, severity: .error))
    }

    private mutating func reportInvalidUTF8(_ bytes: [UInt8]) {
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        let index = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0
        report(.encoding, index + 1, 1, "not valid UTF-8; save the file as UTF-8")
    }

    private mutating func scan(_ scalars: String.UnicodeScalarView) {
        var (line, column) = (1, 1)
        var previous: Unicode.Scalar = "\n"
        var isComment = false
        var isBlank = true
        var index = scalars.startIndex
        while index < scalars.endIndex {
            let scalar = scalars[index]
            let afterIndex = scalars.index(after: index)
            let next = afterIndex < scalars.endIndex ? scalars[afterIndex] : "\n"
            if let fault = Self.fault(of: scalar, before: next) {
                report(fault.code, line, column, fault.message)
            }
            if isBlank, scalar == "#" { isComment = true }
            if !isComment { check(scalar, after: previous, before: next, line, column) }
            if scalar == "#", previous == "\"" || previous == "'" {
                report(.syntax, line, column, "a comment needs a space before its `#`")
            }
            if column == 1 { checkMarker(scalars[index...], line) }
            if scalar == "\n" {
                (line, column, isComment, isBlank) = (line + 1, 1, false, true)
            } else {
                column += 1
                if scalar != " " { isBlank = false }
            }
            previous = scalar
            index = afterIndex
        }
    }

    /// Anchors, aliases and tags begin a token: after space, a bracket, a comma or a line's start.
    private mutating func check(
        _ scalar: Unicode.Scalar, after previous: Unicode.Scalar, before next: Unicode.Scalar,
        _ line: Int, _ column: Int
    ) {
        guard scalar == "*" || scalar == "&" || scalar == "!",
            " \n[{,:-".contains(Character(previous))
        else { return }
        if scalar != "!", " \n\r".contains(Character(next)) { return }
        let what = scalar == "!" ? "a tag" : scalar == "&" ? "an anchor" : "an alias"
        report(
            .yamlFeature, line, column,
            "`\(scalar)` would begin \(what), which policy files do not have; write it out")
    }

    private mutating func checkMarker(_ rest: Substring.UnicodeScalarView, _ line: Int) {
        let start = String(rest.prefix(3))
        if start == "---" || start == "..." || start.hasPrefix("%") {
            report(
                .yamlFeature, line, 1,
                "`\(start.hasPrefix("%") ? "%" : start)` begins a document or a directive; "
                    + "a file is one document without either")
        }
    }

    /// The first character of a parsed text that no file may hold; a line break is one of them.
    static func fault(in text: String) -> (code: PolicyDiagnostic.Code, message: String)? {
        text.unicodeScalars.lazy.compactMap { scalar in
            scalar == "\n"
                ? (.encoding, "a line break within a text") : fault(of: scalar, before: " ")
        }.first
    }

    private static func fault(
        of scalar: Unicode.Scalar, before next: Unicode.Scalar
    ) -> (code: PolicyDiagnostic.Code, message: String)? {
        switch scalar.value {
        case 0x0A, 0x20...0x7E: nil
        case 0x0D where next == "\n": nil
        case 0x09: (.syntax, "a tab; write spaces")
        case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF:
            (.encoding, "a control character (\(name(of: scalar)))")
        case 0x200E, 0x200F, 0x061C, 0x202A...0x202E, 0x2066...0x2069:
            (.encoding, "a character that changes the direction of reading (\(name(of: scalar)))")
        default: nil
        }
    }

    private static func name(of scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
