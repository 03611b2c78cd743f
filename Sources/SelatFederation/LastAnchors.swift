import SelatCore
import SelatCrypto
import Synchronization

/// The authorities of countries that were cut off, as the newest list that had them names them. They are
/// looked for once: whoever connects, and has proven nothing yet, makes a node ask for them.
final class LastAnchors: Sendable {
    private let found = Mutex<[Country: [Certificate]]?>(nil)

    /// - Parameter find: looks through the lists for all of them.
    func anchors(of country: Country, _ find: () -> [Country: [Certificate]]) -> [Certificate] {
        found.withLock { found in
            let all = found ?? find()
            found = all
            return all[country] ?? []
        }
    }
}
