import Logging
package import SelatCore
import SelatCrypto
import SelatEvidence
import SelatFederation
import SelatHTTP
import SelatStore
package import SelatTransport

// What the membership means for the exchange: whom it serves documents, when it stops sending, and
// whose datasets it holds back.

extension Exchange: MembershipService {
    package func membershipIndex() async throws -> MembershipIndex { membership.current.index }

    package func membershipList(_ serial: UInt64) async throws -> [UInt8]? {
        try await store.read { try $0.membershipList(serial) }?.bytes
    }

    package func memberRecord(_ country: Country) async throws -> [UInt8]? {
        federation.documents.records[country]
    }

    package func revocationLists(_ country: Country) async throws -> [UInt8]? {
        federation.documents.revocationLists[country]
    }
}

extension MembershipRegister {
    /// - Throws: `Problem` while nothing new may be sent: the list is over, two lists are valid at
    ///   once, or this node is not listed any more.
    func requireSending(at now: Timestamp) throws {
        let view = current
        if let exclusion = view.exclusion { throw ServiceProblem.excluded(exclusion) }
        if let serial = forks.last { throw ServiceProblem.membershipForked(serial) }
        guard view.federation.isCurrent(at: now) else {
            throw ServiceProblem.notReady(
                "the membership list expired at \(view.federation.expires)",
                remedy: "obtain the newer list; what is on its way still arrives")
        }
    }

    /// For `status`: what people have to do, weeks ahead.
    package func warnings(at now: Timestamp) -> [String] {
        let view = current
        var warnings: [String] = []
        if let exclusion = view.exclusion {
            warnings.append("this node is not listed: \(exclusion); nothing is sent or taken")
        }
        for serial in forks {
            warnings.append(
                "there are two valid membership lists \(serial): nothing is sent; find out who "
                    + "signed both")
        }
        let contested = view.federation.contestedWitnesses
        if !contested.isEmpty {
            warnings.append(
                "more than one node claims a witness key: "
                    + "\(contested.map(\.text).joined(separator: ", ")); find out whose it is")
        }
        return warnings + view.federation.warnings(at: now)
    }
}

extension Exchange {
    /// After a change: peers that are no longer admitted are cut off, policies are judged by the
    /// members that there are now, and everybody hears of it.
    func follow(_ before: MembershipRegister.View, _ after: MembershipRegister.View) async {
        if before.federation.serial != after.federation.serial {
            do { try await editions.reload() } catch {
                logger.error("reloading policies failed", metadata: ["error": "\(error)"])
            }
        }
        await peers.judge()
        if before.identity?.tls.certificate != after.identity?.tls.certificate {
            // New connections prove the new key.
            await peers.closeAll()
        }
        if before.index != after.index { gossip.tellOfChange() }
    }

    /// Why a received dataset is held back, if it is: its sender was cut, and the dataset came when
    /// the sender was distrusted already.
    func quarantine(_ row: InboundRow) -> String? {
        guard let cut = federation.list.cut(of: row.from), row.received >= cut.distrustFrom else {
            return nil
        }
        return "`\(row.from)` is cut off by the membership list, which distrusts it from "
            + "\(cut.distrustFrom) on; this dataset came at \(row.received)"
    }
}
