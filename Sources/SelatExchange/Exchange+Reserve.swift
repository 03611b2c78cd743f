import Logging
import SelatAudit
import SelatCore
import SelatHTTP
import SelatStore
import SelatTransport
import Synchronization

// The disk's reserve: where little is left, nothing new is taken in but flash.

extension Exchange {
    /// From now on so much is kept free.
    package func keepFree(_ reserve: DiskReserve) {
        disk.withLock { $0.reserve = reserve }
    }

    /// Who wants to bring something in, and so reads why not.
    enum Bringer { case operated, peer }

    /// Lets nothing less urgent than flash in where the disk has reached its reserve, or would by it.
    /// - Parameter size: of the payload.
    func requireReserve(
        for precedence: Precedence, size: UInt64, from bringer: Bringer
    ) async throws {
        guard precedence != .flash else { return }
        let standing = try await diskStanding()
        // Where nothing is kept, the disk itself says that it is full.
        guard standing.reserve > 0 else { return }
        let rest = standing.free.subtractingReportingOverflow(size)
        guard standing.isReached || rest.overflow || rest.partialValue < standing.reserve else {
            return
        }
        disk.withLock { $0.watermark.turnAway() }
        throw ServiceProblem.reserveReached(
            standing, size: size, in: bringer == .operated ? spool.path : nil)
    }

    /// The same question without a dataset. It enters nothing: who watches asks it also while nothing
    /// can be written.
    func requireUnreachedReserve() throws {
        let space = try spool.space()
        let standing = disk.withLock { disk in
            let bytes = disk.reserve.bytes(of: space.total)
            var mark = disk.watermark
            _ = mark.look(free: space.free, reserve: bytes)
            return DiskStanding(free: space.free, reserve: bytes, isReached: mark.isReached)
        }
        guard standing.isReached else { return }
        throw ServiceProblem.reserveReached(standing, size: 0, in: nil)
    }

    /// Looks at the disk, and enters what has changed.
    @discardableResult
    package func diskStanding() async throws -> DiskStanding {
        let space: (free: UInt64, total: UInt64)
        do { space = try spool.space() } catch { throw ServiceProblem.disk(error) }
        let (standing, change, before) = disk.withLock { disk in
            let before = disk.watermark
            let bytes = disk.reserve.bytes(of: space.total)
            let change = disk.watermark.look(free: space.free, reserve: bytes)
            let standing = DiskStanding(
                free: space.free, reserve: bytes, isReached: disk.watermark.isReached)
            return (standing, change, before)
        }
        guard let change else { return standing }
        do { try await enter(change, standing) } catch {
            // Then the next look finds it again.
            disk.withLock { $0.watermark = before }
            logger.error("the disk's standing is not entered", metadata: ["error": "\(error)"])
        }
        return standing
    }

    private func enter(_ change: Watermark.Change, _ standing: DiskStanding) async throws {
        var details: JSON.Object = [
            "free": .integer(standing.free), "reserve": .integer(standing.reserve),
        ]
        let kind: EntryKind
        switch change {
        case .reached:
            kind = "intake.stopped"
            logger.warning(
                "only flash is taken in: the disk has reached its reserve",
                metadata: ["free": "\(standing.free)", "reserve": "\(standing.reserve)"])
        case .left(let turnedAway):
            kind = "intake.resumed"
            details["refused"] = .integer(turnedAway)
            logger.notice("everything is taken in again", metadata: ["free": "\(standing.free)"])
        }
        let draft = EntryDraft(kind: kind, details: .object(details))
        _ = try await store.commit { try $0.append(draft) }
    }
}
