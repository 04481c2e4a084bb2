import Foundation

/// The named points in the product's code: how often they were passed, and where a process is told to die or to stand
/// still. `Sources/FaultPoints` is the other side.
struct Failpoints: Sendable {
    enum Action: UInt64, Sendable {
        case kill = 9
        case stop = 19
    }

    /// What the product looks for in its environment.
    static let variable = "CASE_ROUTER_FAILPOINTS"

    static let ingest = [
        "ingest.published", "ingest.recording", "ingest.recorded", "ingest.marked", "sweep.read", "sweep.done",
    ]
    static let route = [
        "request.taken", "request.decided", "request.merged", "request.acknowledged", "case.claimed", "create.sending",
        "create.answered", "create.won", "assign.sending", "assign.answered", "assign.recorded", "ending.begun",
        "disconnect.answered", "watch.read", "watch.ending", "watch.noting",
    ]
    /// Passed when something else happens: a row that no event told, a failed case, a switchover.
    static let conditional: [String: Set<FaultKind>] = [
        "sweep.published": [.eventsDropped, .streamPurged],
        "switchover.seen": [.switchoverAll, .switchoverHalf, .switchoverNone],
    ]
    /// Cases with a misspelt skill fail in every campaign, and an operator moves their handles.
    static let operators = ["handle.published", "handle.retried"]

    /// What leads to a point that is struck although its kind was not drawn, and how long it may then take.
    static let causes: [String: FaultKind] = ["sweep.published": .eventsDropped, "switchover.seen": .switchoverAll]

    static func role(of point: String) -> Product.Role {
        ingest.contains(point) || point == "sweep.published" ? .ingest : .route
    }

    /// Whether it is passed only now and then, so that the first passage has to do.
    static func isSeldom(_ point: String) -> Bool {
        operators.contains(point) || conditional[point] != nil
            || [
                "ingest.marked", "sweep.read", "sweep.done", "case.claimed", "watch.noting", "ending.begun",
                "disconnect.answered",
            ]
            .contains(point)
    }

    /// How long is waited for somebody who comes past: sweeps are seconds apart.
    static func limit(of point: String) -> Duration {
        ["sweep.read", "sweep.done", "sweep.published", "switchover.seen", "ingest.marked"].contains(point)
            ? .seconds(2 * CampaignSite.sweepEvery) : .seconds(isSeldom(point) ? 10 : 6)
    }

    let directory: String
    /// In which order they are struck.
    let rounds: PointRounds

    /// Makes the directory.
    init(_ run: RunDirectory, seed: UInt64) throws {
        rounds = PointRounds(seed: seed)
        directory = run.file("failpoints")
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    /// Tells processes to strike at a point, so many passages from now.
    ///
    /// - Returns: those that did; the others are told to forget about it.
    func strike(
        _ name: String, in pids: [Int32], after passages: Int, _ action: Action, within limit: Duration
    ) async throws -> [Int32] {
        let deadline = ContinuousClock.now + limit
        var told: [Int32: UInt64] = [:]
        var struck: [Int32] = []
        while ContinuousClock.now < deadline && struck.isEmpty {
            for pid in pids {
                guard let slot = try slots(of: pid).first(where: { $0.name == name }) else { continue }
                if told[pid] == nil {
                    try write(action.rawValue, at: slot.offset + 56, of: pid)
                    try write(slot.passed + 1 + UInt64(passages), at: slot.offset + 48, of: pid)
                    told[pid] = slot.offset
                } else if slot.strikesAt == 0 {
                    struck.append(pid)
                }
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        for (pid, offset) in told where !struck.contains(pid) {
            // It may strike at this very moment.
            if try slots(of: pid).first(where: { $0.name == name })?.strikesAt == 0 {
                struck.append(pid)
            } else {
                try write(0, at: offset + 48, of: pid)
            }
        }
        return struck
    }

    /// How often each point was passed, by all processes together.
    func passed() throws -> [String: UInt64] {
        var sum: [String: UInt64] = [:]
        for file in try FileManager.default.contentsOfDirectory(atPath: directory) {
            guard let pid = Int32(file) else { continue }
            for slot in try slots(of: pid) { sum[slot.name, default: 0] += slot.passed }
        }
        return sum
    }

    private struct Slot {
        let offset: UInt64
        let name: String
        let passed: UInt64
        let strikesAt: UInt64
    }

    private func slots(of pid: Int32) throws -> [Slot] {
        // Missing until the process has passed its first point.
        guard let bytes = try? Data(contentsOf: URL(fileURLWithPath: "\(directory)/\(pid)")) else { return [] }
        func number(_ offset: Int) -> UInt64 {
            bytes[offset..<(offset + 8)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        return stride(from: 0, to: bytes.count - 63, by: 64).compactMap { offset in
            let name = String(decoding: bytes[offset..<(offset + 40)].prefix { $0 != 0 }, as: UTF8.self)
            if name.isEmpty { return nil }
            return Slot(
                offset: UInt64(offset), name: name, passed: number(offset + 40), strikesAt: number(offset + 48))
        }
    }

    private func write(_ value: UInt64, at offset: UInt64, of pid: Int32) throws {
        let descriptor = open("\(directory)/\(pid)", O_WRONLY | O_CLOEXEC)
        defer { if descriptor >= 0 { close(descriptor) } }
        var value = value.littleEndian
        guard descriptor >= 0, pwrite(descriptor, &value, 8, off_t(offset)) == 8 else {
            throw RunFailure("a point of process \(pid) cannot be set: \(String(cString: strerror(errno)))")
        }
    }
}

/// How many of the points at which a fault may strike the run has passed, and what became of each.
struct PointsPassed: Codable, Sendable {
    let missing: [String]
    let passed: Int
    let of: Int
    let points: [Point]

    struct Point: Codable, Sendable {
        let name: String
        /// How often, by all processes together.
        let passed: UInt64
        /// How many processes died and stood still there.
        let killed: Int
        let frozen: Int
    }

    /// - Parameter kinds: those that happened; points that only they lead to do not count otherwise.
    init(_ counts: [String: UInt64], strikes: [String: PointRounds.Strikes] = [:], kinds: Set<FaultKind>) {
        let always = Failpoints.ingest + Failpoints.route + Failpoints.operators
        let wanted =
            always + Failpoints.conditional.filter { !$0.value.isDisjoint(with: kinds) }.keys.sorted()
        missing = wanted.filter { counts[$0, default: 0] == 0 }
        of = wanted.count
        passed = of - missing.count
        points = (always + Failpoints.conditional.keys.sorted()).map { name in
            let strikes = strikes[name] ?? PointRounds.Strikes()
            return Point(
                name: name, passed: counts[name, default: 0], killed: strikes.killed, frozen: strikes.frozen)
        }
    }

    /// A table: each point, how often it was passed, and how many processes died and stood still there.
    var lines: [String] {
        func row(_ name: String, _ passed: String, _ killed: String, _ frozen: String) -> String {
            name.padding(toLength: 22, withPad: " ", startingAt: 0)
                + [passed, killed, frozen].map { String(repeating: " ", count: max(1, 12 - $0.count)) + $0 }.joined()
        }
        return [row("point", "passed", "killed at", "frozen at")]
            + points.map { row($0.name, "\($0.passed)", "\($0.killed)", "\($0.frozen)") }
    }
}
