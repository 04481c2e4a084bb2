import Foundation
import ProtocolSimulation

/// What a worker takes for granted: descriptors, the time of day.
extension FaultPlan.Fault {
    /// What is open stays open, and nothing can be opened: no file, no connection.
    func takeDescriptors(_ scene: Scene) async throws -> String {
        let place = try scene.worker(target)
        guard let pid = await scene.crew.pid(place) else {
            throw NothingStruck(description: "\(target) is not there")
        }
        let limit = try Self.descriptorLimit(of: pid)
        try await Self.limitDescriptors(of: pid, to: 3, scene)
        try await last {
            // It may have ended meanwhile; then there is nothing to give back.
            if await scene.crew.pid(place) == pid, kill(pid, 0) == 0 {
                try await Self.limitDescriptors(of: pid, to: limit, scene)
            }
        }
        return ""
    }

    /// The soft limit, which is what counts.
    private static func descriptorLimit(of pid: Int32) throws -> Int {
        let limits = try String(contentsOfFile: "/proc/\(pid)/limits", encoding: .utf8)
        let words = limits.split(separator: "\n").first { $0.hasPrefix("Max open files") }?.split(separator: " ")
        guard let words, words.count > 3, let limit = Int(words[3]) else {
            throw RunFailure("the limits of process \(pid) cannot be read")
        }
        return limit
    }

    private static func limitDescriptors(of pid: Int32, to limit: Int, _ scene: Scene) async throws {
        try await scene.run.run(
            "prlimit", ["/usr/bin/prlimit", "--pid", "\(pid)", "--nofile=\(limit):"],
            environment: Executables.environment(home: scene.run.path))
    }

    /// A worker that starts with a wrong clock, which is set right while it works; or one whose clock jumps.
    func falsifyClock(_ scene: Scene) async throws -> String {
        guard let clock = scene.product.falseClock else {
            throw RunFailure("the workers have no clock that can be set")
        }
        let place = try scene.worker(target)
        guard let hours = Int64(form.prefix { $0 != " " }) else {
            var random = SplitMix(seed: seed)
            let end = ContinuousClock.now + .seconds(seconds)
            while ContinuousClock.now < end {
                try clock.set(target, ahead: [0, 3_600, -3_600, 86_400, -86_400].randomElement(using: &random) ?? 0)
                try await Task.sleep(for: .milliseconds(Int.random(in: 200...3_000, using: &random)))
            }
            try clock.set(target, ahead: 0)
            return ""
        }
        let note = try await terminate(place, scene)
        try clock.set(target, ahead: hours * 3_600)
        try await scene.restart(place)
        try await last { try clock.set(target, ahead: 0) }
        return note
    }
}
