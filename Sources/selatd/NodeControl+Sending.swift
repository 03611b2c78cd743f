import NIOCore
import SelatControl
import SelatCore
import SelatDelivery
import SelatEnvelope
import SelatExchange
import SelatHTTP
import SelatPolicy
import SelatStore

// Asking for a verdict, and sending.

extension NodeControl {
    func check(_ request: SendRequest) async throws -> JSON {
        ["verdict": try verdict(try await exchange.decide(try outbound(request)))]
    }

    func routes(_ request: RouteRequest) async throws -> JSON {
        let routes = try await exchange.routes(to: request.to, label: request.label)
        return [
            "routes": .array(
                routes.map { route in
                    [
                        "nodes": .strings(route.nodes.map(\.text)),
                        "lawful": .bool(route.isLawful), "out_of_reach": .bool(route.isOutOfReach),
                        "transit": .array(
                            route.transit.map { judgement in
                                [
                                    "country": .string(judgement.jurisdiction),
                                    "outcome": .string(judgement.outcome.rawValue),
                                    "rules": .strings(judgement.clauses.map(\.rule)),
                                    "clauses": .strings(
                                        judgement.clauses.compactMap(\.citation).map {
                                            "\($0.title), \($0.clause)"
                                        }),
                                ]
                            }),
                    ]
                })
        ]
    }

    func begin(
        _ request: SendRequest, waitSeconds: Int, by caller: Caller,
        unless gone: EventLoopFuture<Void>
    ) async throws -> JSON {
        let (asked, life) = (try outbound(request), request.lifeSeconds)
        let begun: Exchange.Begun
        if let payload = request.payload {
            begun = try await exchange.send(
                asked, payload, as: request.id, lifeSeconds: life, by: caller.user, unless: gone)
        } else {
            begun = try await exchange.begin(
                asked, as: request.id, lifeSeconds: life, by: caller.user)
        }
        var state = begun.state
        var cause = begun.decision.verdict.outcome == .refused ? begun.decision.verdict.reason : nil
        // Whatever comes now, it is accepted, and its caller has to hear the id.
        if waitSeconds > 0, request.payload != nil, begun.decision.permit != nil,
            (try? await exchange.waitForEnd(of: begun.id, seconds: waitSeconds, unless: gone))
                != nil,
            let row = try? exchange.standing(of: begun.id).outbound
        {
            (state, cause) = (row.state, row.cause)
        }
        var members: JSON.Object = [
            "id": .string(begun.id.text), "state": .string(state),
            "ended": .bool(Sender.State(rawValue: state)?.isOutcome ?? true),
            "verdict": try verdict(begun.decision),
        ]
        members["cause"] = cause.map { .string($0) }
        return .object(members)
    }

    func seal<Body: AsyncSequence & Sendable>(
        _ id: TransferID, _ body: Body, by caller: Caller, unless gone: EventLoopFuture<Void>
    ) async throws -> JSON where Body.Element == ByteBuffer {
        let state = try await exchange.seal(id, body, by: caller.user, unless: gone)
        return Self.sealed(id, state)
    }

    func seal(
        _ id: TransferID, _ files: HandedFiles, by caller: Caller,
        unless gone: EventLoopFuture<Void>
    ) async throws -> JSON {
        do {
            let state = try await exchange.seal(id, files, by: caller.user, unless: gone)
            return Self.sealed(id, state)
        } catch let unusable as PlainFiles.Unusable {
            throw Problem.badFiles(
                unusable.description,
                remedy: "nothing was sent; send it again once the files are at rest")
        }
    }

    private static func sealed(_ id: TransferID, _ state: Sender.State) -> JSON {
        [
            "id": .string(id.text), "state": .string(state.rawValue),
            "ended": .bool(state.isOutcome),
        ]
    }

    private func outbound(_ request: SendRequest) throws -> OutboundRequest {
        var descriptor = request.dataset.objectValue ?? [:]
        if let title = request.title { descriptor["title"] = .string(title) }
        if descriptor["$schema"] == nil {
            descriptor["$schema"] = .string(DatasetDescription.profile)
        }
        do {
            return OutboundRequest(
                to: request.to, label: request.label, facts: request.facts,
                ground: request.ground, precedence: request.precedence,
                dataset: try DatasetDescription(json: .object(descriptor)),
                series: request.series, derivedFrom: request.derivedFrom,
                emergency: request.emergency)
        } catch {
            throw ServiceProblem.badDataset("\(error)")
        }
    }

    /// A verdict with what the record leaves out: reasons, for people.
    func verdict(_ decision: Decision) throws -> JSON {
        var members = try verdict(decision.verdict)
        // Where it is permitted there are none, and to ask is to judge once more.
        let reasons =
            decision.permit == nil
            ? try exchange.policies.reasons(decision.verdict.question) : []
        members["reasons"] = .strings(reasons.map(\.description))
        return .object(members)
    }

    func verdict(_ verdict: Verdict) throws -> JSON.Object {
        [
            "outcome": .string(verdict.outcome.rawValue),
            "summary": .strings(verdict.summaryLines),
            "missing": .strings(verdict.missing),
            "digest": .string(verdict.digest.text), "record": verdict.json,
        ]
    }
}
