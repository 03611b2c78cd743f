import SelatCore
import SelatFederation
import SelatHTTP
import SelatTransport
import Synchronization

// Letters about transfers that this node does not know: a relay passes them on, and keeps nothing of them.

/// How many such letters each member's nodes have brought, and are bringing now.
struct Strays {
    private var underWay: [Country: Int] = [:]
    private var thisMinute: [Country: Int] = [:]

    /// Counts one more of a member's, until `end`.
    /// - Returns: false where the member has brought too many, which are not counted.
    mutating func begin(_ member: Country) -> Bool {
        guard underWay[member, default: 0] < Limits.straysAtOnceMax,
            thisMinute[member, default: 0] < Limits.straysPerMinuteMax
        else { return false }
        underWay[member, default: 0] += 1
        thisMinute[member, default: 0] += 1
        return true
    }

    mutating func end(_ member: Country) {
        let left = underWay[member, default: 0] - 1
        underWay[member] = left > 0 ? left : nil
    }

    /// Takes back that one was counted in this minute: it has cost nobody anything.
    mutating func discount(_ member: Country) {
        guard let count = thisMinute[member], count > 0 else { return }
        thisMinute[member] = count - 1
    }

    mutating func beginMinute() { thisMinute = [:] }
}

extension Exchange {
    /// Whether this node passes on letters about transfers that it does not know: a relay does, to a neighbour that is
    /// their addressee, so that none goes in circles.
    func passesOn(to addressee: NodeID, from peer: NodeID) -> Bool {
        let node = identity.node
        return isRelay(node) && addressee != peer && federation.areLinked(node, addressee)
    }

    /// Brings a verified letter to its addressee while whoever brought it here waits. Anybody can write any number of
    /// such letters, and the addressee may have none of them: what was kept of them would be in the way of others.
    /// - Throws: a `Problem` where the addressee will not have it, does not answer, or the peer's member has brought too
    ///   many.
    func passOn(
        _ document: [UInt8], isRecall: Bool, to addressee: NodeID, from peer: NodeID
    ) async throws -> LetterAnswer {
        let member = peer.country
        guard await !peers.isResting(addressee) else {
            throw ServiceProblem.peerUnreachable(addressee)
        }
        guard strays.withLock({ $0.begin(member) }) else {
            throw ServiceProblem.tooManyStrays(member)
        }
        defer { strays.withLock { $0.end(member) } }
        do {
            return try await within(Self.passingOnTime) {
                try await self.bring(document, isRecall: isRecall, to: addressee)
            }
        } catch let problem as Problem where problem.type != Problem.tooManyRequestsType {
            throw ServiceProblem.passedBack(problem, by: addressee)
        } catch let error where Self.isOwnFault(error) {
            throw error
        } catch {
            if let outage = error as? OutOfReach, !outage.isDialled {
                strays.withLock { $0.discount(member) }
            }
            // Also where it was asked too much: that is this node's to heed, and not the peer's.
            throw ServiceProblem.peerUnreachable(addressee)
        }
    }

    /// Less than what whoever waits for the answer gives it.
    private static let passingOnTime = Duration.seconds(20)
}
