import FoundationEssentials
import Glibc
import SelatControl
import SelatCore
import SelatCrypto
import SelatExchange
import SelatStore

// What the machine gives the node.
extension NodeControl {
    /// Whether everything is taken in, and will be for a while.
    func disk() async -> Check {
        let looked = "room beside `\(exchange.spool.path)`, and the reserve"
        do {
            let disk = try await exchange.diskStanding()
            let isLittle = disk.free < max(Self.roomLittle, 2 * min(disk.reserve, .max / 2))
            let state: Check.State =
                disk.isReached || disk.free < Self.roomLeast ? .failure : isLittle ? .warning : .ok
            let found = "\(disk.free >> 20) MiB are free, \(disk.reserve >> 20) MiB are the reserve"
            return Check(
                "disk", lookedAt: looked, state,
                disk.isReached ? "only flash is taken in: \(found)" : found,
                remedy: state == .ok
                    ? nil : "destroy what was opened (selat inbox), or give it a larger disk")
        } catch {
            return Check("disk", lookedAt: looked, .failure, "\(error)", remedy: "check the disk")
        }
    }

    /// Below this `/readyz` fails, and below the other somebody should look.
    private static let roomLeast: UInt64 = 64 << 20
    private static let roomLittle: UInt64 = 5 << 30

    private var state: String {
        exchange.store.path.split(separator: "/").dropLast().map { "/\($0)" }.joined()
    }

    /// Files that hold secrets: nobody else may read them.
    var permissions: Check {
        let places = exchange.keyStandings().compactMap(\.place).filter { $0.hasPrefix("/") }
        let files = [state, exchange.store.path, "\(state)/storage.key"] + places
        let faults = files.compactMap { path -> String? in
            var status = stat()
            guard lstat(path, &status) == 0 else { return "`\(path)` cannot be seen" }
            if status.st_mode & 0o077 != 0 {
                return "`\(path)` is open to others: chmod go= \(path)"
            }
            return status.st_uid == geteuid()
                ? nil : "`\(path)` belongs to uid \(status.st_uid), not to \(geteuid())"
        }
        return Check(
            "permissions", lookedAt: "owner and mode of state, database and \(places.count) keys",
            faults, .failure, otherwise: "nobody else can read them",
            remedy: "mend owner and mode, and ask who has read them meanwhile")
    }

    var limits: Check {
        var descriptors = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &descriptors)
        let few =
            descriptors.rlim_cur < Self.descriptorsLeast
            ? ["at most \(descriptors.rlim_cur) files may be open: LimitNOFILE=65536"] : []
        return Check(
            "limits", lookedAt: "RLIMIT_NOFILE, RLIMIT_MEMLOCK", few + memoryWarnings, .warning,
            otherwise: "\(descriptors.rlim_cur) files, keys in locked memory",
            remedy: "raise them in a drop-in: systemctl edit selatd")
    }

    private static let descriptorsLeast: UInt = 4_096

    var entropy: Check {
        let looked = "the kernel's generator of randomness, and OpenSSL's"
        let kernel = FileManager.default.contents(
            atPath: "/proc/sys/kernel/random/entropy_avail")
        let bits = kernel.flatMap { Int(String(decoding: $0.filter { $0 > 0x20 }, as: UTF8.self)) }
        guard Random.isSeeded else {
            return Check(
                "entropy", lookedAt: looked, .failure, "OpenSSL's generator is not seeded",
                remedy: "stop the node; a virtual machine needs a virtio-rng device")
        }
        // Since Linux 5.18 it says 256 once it is seeded, and less only before.
        let isLittle = bits.map { $0 < 128 } ?? false
        return Check(
            "entropy", lookedAt: looked, isLittle ? .warning : .ok,
            "both are seeded" + (bits.map { ", the kernel's with \($0) bits" } ?? ""),
            remedy: isLittle ? "give the machine a source: virtio-rng, or rng-tools" : nil)
    }

    var cryptography: Check {
        let looked = "the loaded library, its providers, and whether a forged message passes"
        do throws(CryptoError) {
            let findings = try ForgeryProbe.run()
            let providers = OpenSSLProvider.loaded.joined(separator: ", ")
            let found = "\(ForgeryProbe.loadedVersion), providers \(providers)"
            guard findings.isSafe else {
                return Check(
                    "openssl", lookedAt: looked, .failure, "\(found): a forgery passes",
                    remedy: "stop the node, and install another OpenSSL")
            }
            return Check(
                "openssl", lookedAt: looked, findings.warning == nil ? .ok : .warning,
                findings.warning ?? found,
                remedy: findings.warning == nil ? nil : "apt-get install --only-upgrade libssl3")
        } catch {
            return Check("openssl", lookedAt: looked, .failure, "\(error)")
        }
    }
}
