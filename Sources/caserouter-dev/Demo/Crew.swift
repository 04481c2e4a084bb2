import Foundation

/// The product's workers during a demo or a campaign, and their accidents.
actor Crew {
    /// One worker's place, which a new process takes when the one before has ended.
    struct Place: Hashable, Sendable {
        let role: Product.Role
        let number: Int

        var label: String { "\(role.rawValue)-\(number)" }
    }

    /// How long a worker that was killed stays away.
    static let absence = Duration.seconds(2)

    private let product: Product
    nonisolated let places: [Place]
    private var workers: [Place: ChildProcess] = [:]
    /// Those whose process somebody ended on purpose, and will replace.
    private var away: Set<Place> = []

    /// - Parameter counts: how many of each role; as many as a demo has where nothing is said.
    init(product: Product, counts: [Product.Role: Int] = [:]) {
        self.product = product
        places = Product.Role.allCases.flatMap { role in
            (0..<counts[role, default: role.count]).map { Place(role: role, number: $0 + 1) }
        }
    }

    /// Labels and process ids.
    var processes: [(label: String, pid: Int32)] {
        places.compactMap { place in workers[place].map { (place.label, $0.pid) } }
    }

    func pid(_ place: Place) -> Int32? { workers[place]?.pid }

    /// Starts everybody at once and waits until all are ready.
    func start() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for place in places { group.addTask { try await self.start(place) } }
            try await group.waitForAll()
        }
    }

    /// Starts a worker in its place and waits until it is ready.
    func start(_ place: Place) async throws {
        workers[place] = try await product.start(place.role, place.number)
        away.remove(place)
    }

    /// Sends a signal. One that ends the process makes the place free until `start`.
    func signal(_ place: Place, _ number: Int32) {
        if number == SIGKILL || number == SIGTERM { away.insert(place) }
        if let child = workers[place], child.exitCode() == nil { kill(child.pid, number) }
    }

    /// Waits until the process has ended, and returns how; nil when it has not within the limit.
    func waitForEnd(_ place: Place, within limit: Duration) async throws -> Int32? {
        let deadline = ContinuousClock.now + limit
        while ContinuousClock.now < deadline {
            guard let child = workers[place] else { return 0 }
            if let code = child.exitCode() { return code }
            try await Task.sleep(for: .milliseconds(50))
        }
        return nil
    }

    /// Kills a worker as a power cut would, and starts it again two seconds later.
    func replace(_ place: Place) async throws {
        signal(place, SIGKILL)
        Terminal.line("Killed \(place.label)")
        try await Task.sleep(for: Self.absence)
        try await start(place)
        Terminal.line("Started \(place.label) again: pid \(workers[place]?.pid ?? 0)")
    }

    /// A worker that ended although nobody asked it to.
    func missing() -> (place: Place, code: Int32)? {
        for (place, child) in workers where !away.contains(place) {
            if let code = child.exitCode() { return (place, code) }
        }
        return nil
    }

    /// `missing` names the place again, should its worker end.
    func attend(_ place: Place) { away.remove(place) }

    /// The place is somebody's task now: `missing` does not name it any more.
    func leave(_ place: Place) { away.insert(place) }
}
