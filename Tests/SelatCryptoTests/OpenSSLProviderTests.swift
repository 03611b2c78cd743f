import Foundation
import SelatCore
import Testing

@testable import SelatCrypto

/// A provider is the process's: each test has one of its own.
@Suite struct OpenSSLProviderTests {
    @Test func withoutAWishOpenSSLChooses() async {
        await #expect(processExitsWith: .exitCode(0)) {
            try OpenSSLProvider().use()
            guard OpenSSLProvider.inUse == nil, SHA256.digest([]).hex.hasPrefix("e3b0c442") else {
                exit(1)
            }
            exit(OpenSSLProvider.loaded == ["default"] ? 0 : 2)
        }
    }

    @Test func aProviderAndAQueryAreTakenIntoUse() async {
        await #expect(processExitsWith: .exitCode(0)) {
            try OpenSSLProvider(name: "default", properties: "provider=default").use()
            guard OpenSSLProvider.inUse?.name == "default" else { exit(1) }
            guard OpenSSLProvider.loaded == ["base", "default"] else { exit(2) }
            // Keys, certificates and secrets work as before.
            let key = try PrivateKey(pem: try PrivateKey.generate(.p384).pem())
            let signature = try key.sign([1])
            exit(key.publicKey.verify(signature: signature, message: [1]) ? 0 : 3)
        }
    }

    @Test func aProviderThatIsNotThereIsSaid() async {
        await #expect(processExitsWith: .exitCode(0)) {
            do {
                try OpenSSLProvider(name: "nowhere").use()
            } catch {
                let says = "\(error)"
                exit(says.hasPrefix("OpenSSL's provider `nowhere` cannot be loaded: ") ? 0 : 1)
            }
            exit(2)
        }
    }

    @Test func aProviderWithoutWhatIsNeededIsRefused() async {
        await #expect(processExitsWith: .exitCode(0)) {
            do {
                try OpenSSLProvider(name: "legacy").use()
            } catch {
                exit("\(error)".hasPrefix("provider `legacy` lacks SHA2-256, SHA2-384") ? 0 : 1)
            }
            exit(2)
        }
    }

    @Test func aQueryThatNothingMeetsIsRefused() async {
        await #expect(processExitsWith: .exitCode(0)) {
            do {
                try OpenSSLProvider(properties: "fips=yes").use()
            } catch {
                exit("\(error)".hasPrefix("query `fips=yes` lacks SHA2-256") ? 0 : 1)
            }
            exit(2)
        }
    }

    @Test func aQueryThatIsNoneIsRefused() async {
        await #expect(processExitsWith: .exitCode(0)) {
            do {
                try OpenSSLProvider(properties: "=,=").use()
            } catch { exit("\(error)".contains("is no property query") ? 0 : 1) }
            exit(2)
        }
    }

    @Test(arguments: [
        "", "/tmp/evil", "../fips", "fips.so", "a b", String(repeating: "a", count: 65),
    ])
    func aNameThatCouldBeAPathIsRefused(name: String) {
        #expect(throws: CryptoError.self) { try OpenSSLProvider(name: name) }
    }
}
