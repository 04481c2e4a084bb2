import Foundation

/// A fault found nothing to break: that is none.
struct NothingStruck: Error, CustomStringConvertible {
    let description: String
}

/// Workers that die or stand still in the middle of the protocol.
extension FaultPlan.Fault {
    /// How many points are tried before the fault has struck nothing.
    private static let mostPoints = 5

    /// Strikes at the point whose turn it is; where nobody comes past in time, at the next.
    func strikeNextPoint(_ scene: Scene, _ blow: Blow) async throws -> String {
        let rounds = scene.failpoints.rounds
        var missed: [String] = []
        for _ in 0..<Self.mostPoints {
            let point = rounds.next(kind)
            let struck = try await strike(at: point, scene, blow, within: Failpoints.limit(of: point)) {
                await provoke(point, scene)
            }
            if let struck { return (missed + [struck]).joined(separator: ", ") }
            rounds.miss(kind, point)
            missed.append("\(point) not passed")
        }
        throw NothingStruck(description: missed.joined(separator: ", "))
    }

    /// Four times in a row whoever comes past. What was taken three times has failed: somebody sends it again, and it is looked at
    /// once more ten minutes after it came.
    func loopCrashes(_ scene: Scene, _ blow: Blow) async throws -> String {
        var notes: [String] = []
        for _ in 0..<4 {
            if let struck = try await strike(at: form, scene, blow, within: .seconds(6)) { notes.append(struck) }
        }
        guard !notes.isEmpty else { throw NothingStruck(description: "\(form) not passed") }
        // What was in hand last comes again at once, and fails; and it has to be old enough for `letTimePass`.
        try await Task.sleep(for: .seconds(9))
        notes.append("\(try await scene.retryFailed()) sent again")
        _ = try await scene.letTimePass()
        return notes.joined(separator: ", ")
    }

    /// Arms the point in every worker of its role, because nobody knows who comes past it.
    ///
    /// - Returns: who was struck; nil where nobody came past within the limit.
    private func strike(
        at point: String, _ scene: Scene, _ blow: Blow, within limit: Duration, provoke: () async -> Void = {}
    ) async throws -> String? {
        let action: Failpoints.Action = kind == .frozenAtPoint ? .stop : .kill
        var pids: [Int32: Crew.Place] = [:]
        for place in scene.crew.places where place.role == Failpoints.role(of: point) {
            guard let pid = await scene.crew.pid(place) else { continue }
            pids[pid] = place
            // Its end is expected.
            if action == .kill { await scene.crew.leave(place) }
        }
        await provoke()
        let struck = try await scene.failpoints.strike(
            point, in: Array(pids.keys), after: Failpoints.isSeldom(point) ? 0 : Int(seed % 5), action, within: limit)
        for (pid, place) in pids where !struck.contains(pid) {
            if action == .kill { await scene.crew.attend(place) } else { await scene.crew.signal(place, SIGCONT) }
        }
        let places = struck.compactMap { pids[$0] }.sorted { $0.label < $1.label }
        guard !places.isEmpty else { return nil }
        blow.fall(at: point)
        scene.failpoints.rounds.hit(kind, point, places.count)
        try await last {
            for place in places where action == .stop { await scene.crew.signal(place, SIGCONT) }
        }
        for place in places where action == .kill { try await scene.restart(place) }
        return places.map(\.label).joined(separator: ", ")
    }

    /// Makes somebody come past a point that is not passed all the time.
    private func provoke(_ point: String, _ scene: Scene) async {
        do {
            switch point {
            case "sweep.read", "sweep.done":
                for org in scene.site.orgs { try await command(scene, "sweep", org.name) }
            case "sweep.published":
                for org in scene.site.orgs {
                    try await scene.org(org.name).post("faults", ["dropEvents": 4])
                }
            case "switchover.seen":
                let server = scene.site.servers[Int(seed % UInt64(scene.site.servers.count))].name
                try await scene.cic(server).post(
                    "switchover", ["emails": "all", "generics": true, "window": 1_000, "delay": 0])
            case "handle.retried": try await command(scene, "queues", "move", "--from", "failed")
            case "handle.published": try await command(scene, "failed", "retry", "--all", "--start")
            case "case.claimed":
                try await scene.cic("cic-west").post(
                    "faults", ["operation": "create", "when": "before", "do": "answer", "status": 503, "count": 3])
            default: break
            }
        } catch {
            // What it needs may be broken at this moment; then the point is not passed, and another one has its turn.
        }
    }

    private func command(_ scene: Scene, _ words: String...) async throws {
        _ = try await scene.product.output("provoked-\(number)", words)
    }
}
