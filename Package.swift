// swift-tools-version:6.2
import PackageDescription

// Every target of ours is built with these, and nothing else. Warnings are errors everywhere.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

func module(
    _ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []
) -> Target {
    .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict)
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioHTTPTypesHTTP1 = Target.Dependency.product(
    name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(
    name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(
    name: "UnixSignals", package: "swift-service-lifecycle")
let argumentParser = Target.Dependency.product(
    name: "ArgumentParser", package: "swift-argument-parser")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")

// A module imports only what stands in its list; Tests/ArchitectureTests reads the `import` lines.
let package = Package(
    name: "selat",
    dependencies: [
        // Event loops and channels: the sockets of both servers and of the client.
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        // HTTP types on NIO channels, so that client and server speak in the same values.
        .package(url: "https://github.com/apple/swift-nio-extras", exact: "1.35.2"),
        // The request and response values of both servers and of the client.
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        // Routes and HTTP/1.1 of both servers; it takes a custom child channel, so TLS fits below.
        .package(
            url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1",
            traits: []),
        // SQLite with prepared statements and migrations over the system's libsqlite3.
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        // YAML whose nodes carry line and column, which every diagnostic needs.
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        // The command line: parsing, help and completions from one definition.
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        // Structured log lines, without a choice of destination in the modules.
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        // Ordered start and graceful stop of the daemon's services.
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        // ML-KEM, and nothing else: OpenSSL 3.0 lacks it. SelatCrypto alone imports it.
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
    ],
    targets: [
        // What Swift's module of the system's C library leaves out.
        .systemLibrary(name: "CLinux"),
        // The two C libraries, as the system ships and patches them.
        .systemLibrary(
            name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        module("SelatCore", ["CLinux"]),
        module("SelatCrypto", ["SelatCore", "COpenSSL", nioCore, crypto]),
        module("SelatPolicy", ["SelatCore", "SelatCrypto", yams]),
        module("SelatEnvelope", ["SelatCore", "SelatCrypto", "SelatPolicy"]),
        module("SelatFederation", ["SelatCore", "SelatCrypto"]),
        module("SelatAudit", ["SelatCore", "SelatCrypto"]),
        module(
            "SelatEvidence",
            [
                "SelatCore", "SelatCrypto", "SelatPolicy", "SelatEnvelope", "SelatFederation",
                "SelatAudit",
            ]),
        module("SelatBackup", ["SelatCore", "SelatCrypto"]),
        module("SelatDelivery", ["SelatCore"]),
        module("SelatStore", ["SelatCore", "SelatCrypto", "SelatAudit", "CSQLite", grdb]),
        module(
            "SelatHTTP",
            [
                "SelatCore", nioCore, nioPosix, nioHTTP1, nioHTTPTypes, nioHTTPTypesHTTP1,
                httpTypes, hummingbird, logging,
            ]),
        module(
            "SelatTransport",
            [
                "SelatCore", "SelatCrypto", "SelatHTTP", nioCore, nioPosix, nioHTTPTypes,
                httpTypes, hummingbird, logging,
            ]),
        module(
            "SelatExchange",
            [
                "SelatCore", "SelatCrypto", "SelatPolicy", "SelatEnvelope", "SelatFederation",
                "SelatAudit", "SelatEvidence", "SelatDelivery", "SelatStore", "SelatHTTP",
                "SelatTransport", nioCore, logging,
            ]),
        module(
            "SelatControl",
            [
                "SelatCore", "SelatHTTP", nioCore, nioPosix, nioHTTPTypes, httpTypes,
                hummingbird, logging,
            ]),
        module("SelatService", ["SelatHTTP", hummingbird, httpTypes, nioCore]),
        program(
            "selatd",
            [
                "SelatCore", "SelatCrypto", "SelatPolicy", "SelatEnvelope", "SelatFederation",
                "SelatAudit", "SelatEvidence", "SelatDelivery", "SelatStore", "SelatHTTP",
                "SelatTransport", "SelatExchange", "SelatControl", hummingbird, nioCore, logging,
                lifecycle, unixSignals, "SelatService", "SelatBackup",
            ]),
        program(
            "selat",
            [
                "SelatCore", "SelatCrypto", "SelatPolicy", "SelatEnvelope", "SelatFederation",
                "SelatAudit", "SelatEvidence", "SelatStore", "SelatHTTP", "SelatControl",
                "SelatBackup", argumentParser, hummingbird, logging,
                httpTypes, nioCore, nioPosix,
            ]),
        // Measured beside peers by scripts/bench; never part of the tests.
        .executableTarget(
            name: "SelatTLSBenchmark",
            dependencies: [
                "SelatCore", "SelatCrypto", "SelatHTTP", "SelatTransport", httpTypes, nioCore,
                nioPosix, logging,
            ],
            path: "Benchmarks/SelatTLSBenchmark", swiftSettings: strict),
        .executableTarget(
            name: "SelatSealBenchmark",
            dependencies: [
                "SelatCore", "SelatCrypto", "SelatEnvelope", "SelatPolicy", "SelatStore",
            ],
            path: "Benchmarks/SelatSealBenchmark", swiftSettings: strict),
        .executableTarget(
            name: "SelatLedgerBenchmark",
            dependencies: ["SelatCore", "SelatCrypto", "SelatAudit", "SelatStore", "CSQLite"],
            path: "Benchmarks/SelatLedgerBenchmark", swiftSettings: strict),
        .executableTarget(
            name: "SelatExchangeBenchmark",
            dependencies: [
                "SelatAudit", "SelatCore", "SelatControl", "SelatCrypto", "SelatStore", nioCore,
            ],
            path: "Benchmarks/SelatExchangeBenchmark", swiftSettings: strict),
        .executableTarget(
            name: "SelatPolicyBenchmark", dependencies: ["SelatCore", "SelatPolicy"],
            path: "Benchmarks/SelatPolicyBenchmark", swiftSettings: strict),
        // Every small mistake in the shipped files; a release program, run by .ci/run.
        .executableTarget(
            name: "PolicyMutation", dependencies: ["SelatCore", "SelatPolicy"],
            path: "Tests/PolicyMutation", swiftSettings: strict),
        // The machines under everything that may befall them; a release program, run by
        // scripts/simulate, and a bounded number of seeds in the tests.
        .target(
            name: "SelatSimulation", dependencies: ["SelatCore", "SelatDelivery"],
            path: "Tests/SelatSimulation", swiftSettings: strict),
        .executableTarget(
            name: "SelatSimulate", dependencies: ["SelatSimulation"],
            path: "Tests/SelatSimulate", swiftSettings: strict),
        // What tests share: others' vectors, seeded entropy, a clock that stands.
        .target(
            name: "SelatTestSupport", dependencies: ["SelatCore"],
            path: "Tests/SelatTestSupport", swiftSettings: strict),
        tests("ArchitectureTests", []),
        tests("SelatCoreTests", ["SelatCore", "SelatTestSupport"]),
        tests("SelatCryptoTests", ["SelatCore", "SelatCrypto", "SelatTestSupport", nioCore]),
        tests("SelatPolicyTests", ["SelatCore", "SelatCrypto", "SelatPolicy", "SelatTestSupport"]),
        tests(
            "SelatEnvelopeTests",
            ["SelatCore", "SelatCrypto", "SelatEnvelope", "SelatPolicy", "SelatTestSupport"]),
        tests(
            "SelatFederationTests",
            ["SelatCore", "SelatCrypto", "SelatFederation", "SelatTestSupport"]),
        tests(
            "SelatAuditTests", ["SelatCore", "SelatCrypto", "SelatAudit", "SelatTestSupport"]),
        tests("SelatBackupTests", ["SelatCore", "SelatCrypto", "SelatBackup", "SelatTestSupport"]),
        tests("SelatDeliveryTests", ["SelatCore", "SelatDelivery", "SelatTestSupport"]),
        tests("SimulationTests", ["SelatSimulation"]),
        tests(
            "SelatStoreTests",
            [
                "SelatCore", "SelatCrypto", "SelatAudit", "SelatStore", "SelatTestSupport",
                "CSQLite", grdb,
            ]),
        tests(
            "SelatHTTPTests",
            [
                "SelatCore", "SelatHTTP", "SelatTestSupport", nioCore, nioPosix, httpTypes,
                hummingbird, logging,
            ]),
        tests(
            "SelatTransportTests",
            [
                "SelatCore", "SelatCrypto", "SelatHTTP", "SelatTransport", "SelatTestSupport",
                nioCore, nioPosix, httpTypes, logging,
            ]),
        tests(
            "SelatExchangeTests",
            [
                "SelatCore", "SelatCrypto", "SelatPolicy", "SelatEnvelope", "SelatFederation",
                "SelatAudit", "SelatEvidence", "SelatDelivery", "SelatStore", "SelatHTTP",
                "SelatTransport", "SelatExchange", "SelatTestSupport", nioCore, logging, grdb,
            ]),
        tests(
            "SelatControlTests",
            [
                "SelatCore", "SelatDelivery", "SelatHTTP", "SelatControl", "SelatTestSupport",
                nioCore, httpTypes, hummingbird, logging,
            ]),
        tests(
            "SelatServiceTests",
            ["SelatService", "SelatHTTP", hummingbird, httpTypes, nioCore, logging]),
        // The real programs: `swift test` builds them because this target names them.
        tests("CommandTests", ["selat", "selatd", "SelatCore", "SelatTestSupport"]),
    ]
)

// libFuzzer brings what this program links to, so it exists for `scripts/fuzz` alone.
if Context.environment["SELAT_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "PolicyFuzz", dependencies: ["SelatPolicy"], path: "Tests/PolicyFuzz",
            swiftSettings: strict))
}
