import Foundation

/// Messages that are lost with their queue.
extension FaultPlan.Fault {
    /// So many requests are published before the queue is struck: fewer would be taken before it is.
    private static let fewestPublished: UInt64 = 3

    /// Purges or deletes the queue of requests while there is something in it.
    func removeMessages(_ scene: Scene) async throws -> String {
        try await whileRequestsGather(scene) {
            if kind == .queuePurged {
                try await scene.broker.purge("caserouter.requests")
            } else {
                try await scene.broker.delete("caserouter.requests")
            }
        }
        if kind == .queuePurged {
            try await last()
        } else {
            // An administrator sees it, and does what the page about it says.
            try await last { try await scene.insist("migrate") }
        }
        try await waitUntilRecorded(scene)
        let lost = try await scene.letTimePass()
        guard lost > 0 else { throw NothingStruck(description: "no message was lost") }
        return "\(lost) without a message"
    }

    /// Waits until what was confirmed before the queue was struck is recorded, and old enough for `letTimePass`. Ingest records
    /// it together with what could not be published before the queue was there again, which may take seconds.
    private func waitUntilRecorded(_ scene: Scene) async throws {
        try await Task.sleep(for: .seconds(9))
        let deadline = ContinuousClock.now + .seconds(20)
        while try await scene.hasOverlooked(), ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    /// Does something while nobody takes requests: the routing workers stand still, and the broker has taken back what it
    /// had handed to them.
    private func whileRequestsGather(_ scene: Scene, _ strike: () async throws -> Void) async throws {
        var stopped: [Crew.Place] = []
        for place in scene.crew.places where place.role == .route {
            // One that another fault has stopped is woken by that.
            guard let pid = await scene.crew.pid(place), !Self.isStopped(pid) else { continue }
            await scene.crew.signal(place, SIGSTOP)
            stopped.append(place)
        }
        let result: Result<Void, any Error>
        do {
            try await scene.broker.closeConnections { $0.hasPrefix("caserouter route") }
            try await gather(scene)
            result = .success(try await strike())
        } catch {
            result = .failure(error)
        }
        for place in stopped { await scene.crew.signal(place, SIGCONT) }
        try result.get()
    }

    /// Waits until some requests were published, or for a while.
    private func gather(_ scene: Scene) async throws {
        func published() throws -> UInt64 { try scene.failpoints.passed()["ingest.published", default: 0] }
        let enough = try published() + Self.fewestPublished
        let deadline = ContinuousClock.now + .seconds(8)
        while try published() < enough, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(50))
        }
        // The last confirm is on its way.
        try await Task.sleep(for: .milliseconds(300))
    }

    private static func isStopped(_ pid: Int32) -> Bool {
        // A process that has ended has no such file, and is not stopped.
        let text = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
        return text.split(separator: ")").last?.split(separator: " ").first == "T"
    }
}
