import SelatCore

// Obligations as clauses of a sentence.
extension Sentences {
    /// - Parameter country: the file's, whose node owes what its side owes.
    func clause(_ obligation: RuleObligation, of rule: Rule, in country: String) -> Prose {
        if obligation.isWithinTerritory, case .onwardOnlyTo(let named) = obligation.demand {
            guard !named.isEmpty else { return say(.onwardTerritory) }
            let countries = named.map { self.country($0.code) } + [say(.territory)]
            return say(.onwardOnly, ["countries": list(countries, .and)])
        }
        let side = obligation.side ?? Self.side(of: rule.flows)
        return clause(obligation.demand, side, country)
    }

    func clause(_ obligation: Obligation) -> Prose {
        clause(obligation.demand, obligation.owedBy, "")
    }

    /// Nil where the sides differ: each file's own.
    private static func side(of flows: Set<Flow>) -> Side? {
        if flows.isEmpty { return .both }
        let sides = Set(
            flows.map { flow -> Side in
                switch flow {
                case .import: .destination
                case .transit: .relay
                case .export, .onward, .domestic: .source
                }
            })
        return sides.count == 1 ? sides.first : nil
    }

    private func clause(_ demand: Obligation.Demand, _ side: Side?, _ file: String) -> Prose {
        switch demand {
        case .approval(let role, let count):
            return say(
                count == 1 ? .approval : .approvals,
                ["role": self.role(role), "count": Prose("\(count)"), "side": place(side, file)])
        case .transform(let transform, let categories):
            return say(
                Self.phrase(transform), ["terms": values(categories, of: "categories", .and)])
        case .retention(let seconds?, let confirm):
            return say(confirm ? .retentionConfirmed : .retention, ["time": span(seconds)])
        case .retention(nil, _): return say(.destructionConfirmed)
        case .onwardOnlyTo(let countries):
            return countries.isEmpty
                ? say(.onwardNobody)
                : say(.onwardOnly, ["countries": list(countries.map { country($0.code) }, .and)])
        case .noTransitThrough(let countries):
            return say(.noTransit, ["countries": list(countries.map { country($0.code) }, .or)])
        case .notice(let subject, let acknowledged):
            return say(
                acknowledged == nil ? .notice : .noticeAcknowledged,
                ["what": word(subject.rawValue)])
        case .humanReview(let subject): return say(.review, ["what": word(subject.rawValue)])
        case .encryption(let suite): return say(.encryption, ["suite": Prose("\(suite.rawValue)")])
        case .report, .keep: return debt(demand, side, file)
        }
    }

    /// What is owed later: reports, and what is kept.
    private func debt(_ demand: Obligation.Demand, _ side: Side?, _ file: String) -> Prose {
        switch demand {
        case .report(let what, let to, let seconds, let from, let once):
            return say(
                .report,
                [
                    "side": owner(side, file), "what": word(what.rawValue), "whom": recipient(to),
                    "time": span(seconds), "event": word("from-\(from.rawValue)"),
                    "once": word("once-\(once.rawValue)"),
                ])
        case .keep(let what, let seconds, let place):
            var values = ["side": owner(side, file), "what": word(what.rawValue)]
            values["time"] = seconds.map { span($0) }
            values["country"] = place.map { country($0.code) }
            return say(seconds == nil ? .keepWhere : place == nil ? .keep : .keepIn, values)
        default: return Prose()
        }
    }

    private func recipient(_ name: String) -> Prose {
        if ReportRecipient(rawValue: name) != nil { return word("\(name)-as-recipient") }
        return value(name, of: "")
    }

    private func place(_ side: Side?, _ file: String) -> Prose {
        switch side {
        case .source: say(.sender)
        case .destination: say(.recipient)
        case .relay: say(.relay)
        case .both: say(.bothEnds)
        case nil: say(.ownNode, ["country": country(file)])
        }
    }

    private func owner(_ side: Side?, _ file: String) -> Prose {
        side.map { word("owes-\($0.rawValue)") } ?? say(.ownNodeOwes, ["country": country(file)])
    }

    private static func phrase(_ transform: Transform) -> Phrase {
        switch transform {
        case .remove: .remove
        case .mask: .mask
        case .pseudonymise: .pseudonymise
        case .generalise: .generalise
        }
    }
}
