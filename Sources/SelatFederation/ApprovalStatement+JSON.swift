package import SelatCore

extension ApprovalStatement {
    package var json: JSON {
        var members: JSON.Object = [
            "type": "approval", "federation": .string(subject.federation.text),
            "id": .string(subject.id.text), "core": .string(subject.core.text),
            "root": .string(subject.root.text), "size": .integer(subject.size),
            "description": .string(subject.description.text),
            "basis": .string(subject.basis.text),
            "transit": .strings(subject.transit.map(\.code)), "role": .string(role),
            "side": .string(side.rawValue), "decision": .string(decision.rawValue),
            "reason": .string(reason), "review": .string(review.rawValue),
            "issued": .string(issued.text), "not-after": .string(notAfter.text),
        ]
        if isBreakGlass { members["break-glass"] = true }
        return .object(members)
    }

    /// - Parameter content: canonical JSON, inside a message of type *approval*.
    /// - Throws: `FederationError.documentInvalid` for anything but an approval.
    package init(content: [UInt8]) throws(FederationError) {
        do throws(CoreError) {
            var reader = try ObjectReader(try JSON(parsing: content), Self.name)
            guard try reader.string("type") == "approval" else {
                throw .wrongType("type", in: Self.name, expected: "`approval`")
            }
            try self.init(&reader)
            try reader.end()
            guard json.canonical == content else {
                throw .wrongType("(top)", in: Self.name, expected: "in canonical form")
            }
        } catch {
            throw .documentInvalid(Self.name, error)
        }
    }

    /// Asked of what is signed or handed in now; one that was signed before is read all the same.
    /// - Throws: `FederationError.documentInvalid` for a text with marks of direction or separators of
    ///   lines (`Format.md`, *Texts*).
    package func requirePlainText() throws(FederationError) {
        try PlainText.require(reason, "reason", in: Self.name)
    }

    private init(_ reader: inout ObjectReader) throws(CoreError) {
        subject = try Subject(&reader)
        role = try reader.string("role")
        side = try reader.choice("side")
        decision = try reader.choice("decision")
        reason = try reader.text("reason", max: Self.reasonBytesMax, in: Self.name)
        review = try reader.choice("review")
        isBreakGlass =
            reader.optional("break-glass") == nil ? false : try reader.bool("break-glass")
        issued = try reader.timestamp("issued")
        notAfter = try reader.timestamp("not-after")
        if let fault { throw fault }
    }

    private var fault: CoreError? {
        guard OfficerRole.isOne(role) else {
            return .malformed("role", role, expected: "a role such as `releasing-officer`")
        }
        guard notAfter >= issued, notAfter - issued <= Self.lifeSecondsMax else {
            return .malformed(
                "not-after", notAfter.text, expected: "at `issued` or at most 7 days later")
        }
        guard isBreakGlass else { return nil }
        guard decision == .approve, side == .source, role == VerifiedStatement.emergencyRole else {
            return .wrongType(
                "break-glass", in: Self.name,
                expected: "only when an emergency officer of the source approves")
        }
        return nil
    }
}

extension ApprovalStatement.Subject {
    fileprivate init(_ reader: inout ObjectReader) throws(CoreError) {
        federation = try reader.digest("federation")
        id = try TransferID(try reader.string("id"))
        core = try reader.digest("core")
        root = try reader.digest("root")
        size = try reader.unsigned("size")
        description = try reader.digest("description")
        basis = try reader.digest("basis")
        var countries: [Country] = []
        for code in try reader.strings("transit") { countries.append(try Country(code)) }
        guard countries.count <= FederationLimits.transitCountriesMax,
            Set(countries).sorted() == countries
        else {
            throw .wrongType(
                "transit", in: ApprovalStatement.name,
                expected: "sorted countries without repetition")
        }
        transit = countries
    }
}
