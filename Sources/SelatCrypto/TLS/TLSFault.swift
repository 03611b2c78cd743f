import COpenSSL

/// What ends a TLS connection.
package enum TLSFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// Our own verification refused the peer's certificate.
    case peerRefused(_ reason: String)
    /// The peer sent an alert: it refuses us, or gives up. Under TLS 1.3 a refused client learns
    /// this on its first read, after its own handshake seemed complete.
    case refusedByPeer(alert: String)
    /// The peer does not speak our TLS: another version, no certificate, or garbage.
    case protocolViolated(_ reasons: [String])
    /// The peer changes its keys again and again, and sends next to nothing with them.
    case tooManyKeyUpdates
    /// The bytes ended without a closing alert.
    case truncated
    /// The handshake took too long.
    case handshakeTimeout
    /// The connection was closed before the handshake was complete.
    case closedInHandshake
    /// OpenSSL could not make a connection: memory or configuration.
    case unavailable(_ reasons: [String])

    package var description: String {
        switch self {
        case .peerRefused(let reason): "TLS peer refused: \(reason)"
        case .refusedByPeer(let alert): "the TLS peer refuses this node: \(alert)"
        case .protocolViolated(let reasons):
            "TLS: \(reasons.isEmpty ? "protocol violated" : reasons.joined(separator: "; "))"
        case .tooManyKeyUpdates: "the TLS peer changes its keys without end"
        case .truncated: "TLS connection ended without a closing alert"
        case .handshakeTimeout: "TLS handshake took too long"
        case .closedInHandshake: "the peer closed the connection during the TLS handshake"
        case .unavailable(let reasons): "TLS unavailable: \(reasons.joined(separator: "; "))"
        }
    }

    /// Empties the thread's error queue into one fault: an alert of the peer, or our own complaint.
    static func drained() -> TLSFault {
        var reasons: [String] = []
        while case let code = ERR_get_error(), code != 0 {
            if let alert = receivedAlert(code) {
                ERR_clear_error()
                return .refusedByPeer(alert: alert)
            }
            reasons.append(
                ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(code)")
        }
        return .protocolViolated(reasons)
    }

    /// OpenSSL reports a received alert as the reason 1000 + its number (SSL_AD_REASON_OFFSET).
    private static func receivedAlert(_ code: UInt) -> String? {
        let number = ERR_GET_REASON(code) - SSL_AD_REASON_OFFSET
        guard ERR_GET_LIB(code) == ERR_LIB_SSL, (0...255).contains(number) else { return nil }
        return String(cString: SSL_alert_desc_string_long(number))
    }
}
