import SelatFederation

/// Asks a person at the terminal.
enum Prompt {
    static func reason(for decision: ApprovalStatement.Decision) throws -> String {
        try ask("why do you \(decision.rawValue)? ", flag: "--reason")
    }

    /// Asks the one who signs to type something of what was shown.
    /// - Parameter what: what it is, in words.
    static func confirm(_ what: String, is wanted: String) throws {
        let typed = try ask("type \(what) to sign: ", flag: "--yes")
        guard typed == wanted else {
            throw Ending(.refused, "`\(typed)` is not \(wanted): nothing was signed")
        }
    }

    /// - Parameter flag: what to give in place of an answer where nobody can be asked.
    static func ask(_ words: String, flag: String) throws -> String {
        guard Terminal.stdinIsTerminal else {
            throw Ending(
                .usage, "nobody can be asked: there is no terminal", hint: "give \(flag)")
        }
        Terminal.write(words, to: 2)
        guard let line = readLine(strippingNewline: true), !line.isEmpty else {
            throw Ending(.usage, "nothing was typed: nothing was signed")
        }
        return line
    }
}
