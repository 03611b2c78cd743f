package import SelatCore

/// A file to start from.
package enum PolicyHead {
    /// The head of a country's file, which passes the checks and permits nothing but to receive
    /// what is unclassified and not personal.
    /// - Parameter inForce: when the edition begins; the review is due a year later.
    package static func text(for country: Country, inForce: Timestamp) -> String {
        let code = country.code
        let review = inForce + 365 * 86_400
        return """
            \(JSONSchema.firstLine(for: code))
            # A starting point for the country's legal team. Not legal advice.
            # Every rule cites a source. What no ground permits does not leave the country.
            jurisdiction: \(code)
            title: "\(code)"
            edition: 1
            standing: draft
            in-force: \(inForce.text.prefix(10))
            review-by: \(review.text.prefix(10))
            sources:
              own: {title: "Rules of this ministry for exchange", cite: "to be named", kind: policy}
            special: none

            rules:
              - ground: receive-gauges
                flow: import
                when: {personal-data: no, classification: {at-most: unclassified}}
                basis: {source: own, clause: "to be named"}

            """
    }
}
