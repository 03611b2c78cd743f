import SelatCore
import SelatHTTP

extension Exchange {
    /// Why no transfer, or none but flash, gets on its way or is taken now, one line each; empty where
    /// the node does its work. The same questions that a transfer is asked, so that who watches sees what senders do.
    package var hindrances: [String] {
        let questions: [() throws -> Void] = [
            { try self.witnesses.requireExchange() },
            { try self.witnesses.requireNewTransfers() },
            { try self.requireLaw() },
            { try self.membership.requireSending(at: self.clock.now()) },
            { try self.requireUnreachedReserve() },
        ]
        var lines: [String] = []
        for question in questions {
            do { try question() } catch {
                let line = (error as? Problem)?.detail ?? "\(error)"
                if !lines.contains(line) { lines.append(line) }
            }
        }
        return lines
    }
}
