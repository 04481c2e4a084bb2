// swift-tools-version: 6.1
import PackageDescription

// The dependency diagram of the design, one line per target: imports point downwards only.
let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let cryptoExtras: Target.Dependency = .product(name: "_CryptoExtras", package: "swift-crypto")
let collections: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdTLS: Target.Dependency = .product(name: "HummingbirdTLS", package: "hummingbird")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let certificates: Target.Dependency = .product(name: "X509", package: "swift-certificates")

let package = Package(
    name: "case-router",
    products: [
        .executable(name: "caserouter", targets: ["caserouter"]),
        .executable(name: "caserouter-dev", targets: ["caserouter-dev"]),
        // Loaded into workers whose wall clock shall be wrong.
        .library(name: "FalseClock", type: .dynamic, targets: ["CFalseClock"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    ],
    targets: [
        // C libraries, by pkg-config.
        .systemLibrary(name: "CEpoll"),
        .systemLibrary(name: "CRabbitMQ", pkgConfig: "librabbitmq", providers: [.apt(["librabbitmq-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        // The text of migrations/*.sql, so that the executable carries it.
        .target(name: "CMigrations"),

        // Drivers: each knows one C library and nothing of cases.
        .target(name: "Polling", dependencies: ["CEpoll"]),
        .target(name: "AMQP", dependencies: ["Polling", "CRabbitMQ", "COpenSSL", collections]),
        .target(name: "HTTPClient", dependencies: ["Polling", "CCurl", collections]),
        .target(name: "Postgres", dependencies: ["Polling", "CPostgres", collections]),
        .target(name: "JSON"),
        // Where fault campaigns strike; empty in release builds.
        .target(name: "FaultPoints"),

        // The core, and what people do with it.
        .target(name: "CaseRouting", dependencies: ["JSON", "FaultPoints", log, metrics, collections]),
        .target(name: "Operations", dependencies: ["CaseRouting"]),

        // Adapters, one per neighbour.
        .target(name: "Broker", dependencies: ["CaseRouting", "Operations", "AMQP", "Polling", log]),
        .target(
            name: "Salesforce",
            dependencies: ["CaseRouting", "Operations", "HTTPClient", "Polling", "JSON", log, cryptoExtras]),
        .target(name: "CIC", dependencies: ["CaseRouting", "Operations", "HTTPClient", "Polling", "JSON", log]),
        .target(
            name: "Store",
            dependencies: ["CaseRouting", "Operations", "Postgres", "Polling", "JSON", "CMigrations", log, crypto]),
        .target(name: "Web", dependencies: ["Operations", hummingbird, lifecycle, metrics, log]),
        .executableTarget(
            name: "caserouter",
            dependencies: [
                "Polling", "AMQP", "HTTPClient", "Postgres", "CaseRouting", "Operations", "Broker", "Salesforce",
                "CIC", "Store", "Web", arguments, log, metrics, lifecycle, unixSignals, yams, crypto,
            ],
            // In place of libc's allocator: a case takes some hundred small blocks (docs/performance.md).
            linkerSettings: [.linkedLibrary("mimalloc")]),

        // Development only: import none of the modules above, because what both sides share both sides get wrong.
        .target(
            name: "Simulators", dependencies: [hummingbird, hummingbirdTLS, certificates, crypto, cryptoExtras, log]),
        .target(name: "Checker"),
        // The core between neighbours in memory, in virtual time. Imports the core, because the core is what it tries.
        // Its functions stay with their caller, because a history is millions of short calls.
        .target(
            name: "ProtocolSimulation", dependencies: ["CaseRouting", log],
            swiftSettings: [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]),
        // A wall clock that is wrong. Nothing depends on it: whoever linked it would have it.
        .target(name: "CFalseClock"),
        // What bare C needs for the work of a driver: the measure of the benchmark.
        .target(name: "CBench", dependencies: ["CRabbitMQ", "CCurl", "CPostgres"]),
        // Its benchmark measures the drivers; nothing else of it imports them.
        .executableTarget(
            name: "caserouter-dev",
            dependencies: [
                "Simulators", "Checker", "ProtocolSimulation", "CBench", "Polling", "AMQP", "HTTPClient", "Postgres",
                "Salesforce", arguments,
            ],
            // As the product, whose drivers are measured here beside C.
            linkerSettings: [.linkedLibrary("mimalloc")]),

        // Tests.
        .target(
            name: "TestSupport", dependencies: ["Polling", "CaseRouting", "Postgres", "ProtocolSimulation", log],
            path: "Tests/Support"),
        .testTarget(name: "PollingTests", dependencies: ["Polling", "TestSupport"]),
        .testTarget(name: "AMQPTests", dependencies: ["AMQP", "TestSupport"]),
        .testTarget(name: "HTTPClientTests", dependencies: ["HTTPClient", "TestSupport"]),
        .testTarget(name: "PostgresTests", dependencies: ["Postgres", "TestSupport"]),
        .testTarget(name: "JSONTests", dependencies: ["JSON"]),
        .testTarget(name: "CaseRoutingTests", dependencies: ["CaseRouting", "TestSupport"]),
        .testTarget(name: "OperationsTests", dependencies: ["Operations", "CaseRouting", "TestSupport"]),
        .testTarget(name: "BrokerTests", dependencies: ["Broker", "Operations", "TestSupport"]),
        .testTarget(
            name: "SalesforceTests", dependencies: ["Salesforce", "Operations", "Simulators", "TestSupport"],
            exclude: ["faye.ru"]),
        .testTarget(name: "CICTests", dependencies: ["CIC", "Operations", "Simulators", "TestSupport"]),
        .testTarget(
            name: "StoreTests",
            dependencies: ["Store", "CaseRouting", "Operations", "Postgres", "Polling", "JSON", "TestSupport"]),
        .testTarget(name: "SimulatorTests", dependencies: ["Simulators", "TestSupport"], exclude: ["python"]),
        .testTarget(
            name: "ProtocolSimulationTests", dependencies: ["ProtocolSimulation", "CaseRouting", "TestSupport"]),
        .testTarget(name: "CheckerTests", dependencies: ["Checker"]),
        .testTarget(name: "BenchTests", dependencies: ["caserouter-dev", "Simulators"]),
        .testTarget(name: "EndToEndTests", dependencies: ["TestSupport", "Simulators", yams]),
    ],
    swiftLanguageModes: [.v6]
)
