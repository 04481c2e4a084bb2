import Foundation

/// The one footnote of the promises: CIC recovers interactions later than its recovery wait, when others were made in
/// their place. Two are routable until the watch sees it; it has to see it, say so, and put it right.
struct LateRecovery: Sendable {
    /// How long after the switchover CIC recovers what was lost, in milliseconds: far beyond `recovery wait`.
    private static let delay = 60_000
    private static let server = "cic-east"

    let run: RunDirectory
    let cases: Int
    let seed: UInt64

    /// - Returns: whether every late one was seen and put right, and nothing else happened.
    func play() async throws -> Bool {
        let stage = try await Stage.set(in: run, seed: seed)
        do {
            return try await play(on: stage)
        } catch {
            await stage.strike()
            throw error
        }
    }

    private func play(on stage: Stage) async throws -> Bool {
        let control = try stage.scene.cic(Self.server)
        // Nobody picks up, so that everything still waits when it is lost.
        try await control.post("agents/off")
        try await stage.workload.makeWaiting(cases)
        try await served("the cases are offered", stage)
        let before = Date()
        try await control.post(
            "switchover", ["emails": "all", "generics": true, "window": 1_000, "delay": Self.delay])
        Terminal.line("Switched over. What was lost comes back after \(Self.delay / 1_000) s.")
        try await until("they are lost", within: 30) { try await live(control) == 0 }
        try await until("others are made in their place", within: 90) { try await live(control) >= cases }
        try await until("the late ones are back", within: 90) { try await live(control) > cases }
        try await until("the late ones are gone", within: 60) { try await live(control) == cases }
        let seconds = Date().timeIntervalSince(before)
        let rest = try await stage.rest(atMost: Campaign.restLimit)
        let verdict = try await CampaignVerdict(stage.scene, kinds: [], poison: [])
        await stage.strike()
        for line in verdict.lines { Terminal.line(line) }
        if let obstacle = rest.obstacle { Terminal.line("Not at rest: \(obstacle)") }
        let reported = try Self.reported(run)
        Terminal.line(
            "late-recovery: \(cases) cases, \(verdict.recoveredLate) recovered late, \(reported) reported, "
                + "\(verdict.lost) lost, \(verdict.doubled) doubled, put right after \(Int(seconds)) s")
        return verdict.isGood && rest.obstacle == nil && verdict.recoveredLate > 0 && reported >= verdict.recoveredLate
    }

    /// How many of ours wait on the server's workgroups.
    private func live(_ control: Control) async throws -> Int {
        try await control.liveInteractions(outside: DemoSite.holding)
    }

    private func served(_ what: String, _ stage: Stage) async throws {
        try await until(what, within: 60) { try await stage.watch.unserved().isEmpty }
    }

    private func until(_ what: String, within seconds: Double, _ isSo: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while try await !isSo() {
            guard ContinuousClock.now < deadline else { throw RunFailure("not within \(Int(seconds)) s: \(what)") }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    /// How often a routing worker has said that it removed one.
    private static func reported(_ run: RunDirectory) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: run.path)
            .filter { $0.hasPrefix("route-") && $0.hasSuffix(".log") }
            .reduce(0) { sum, name in
                let text = try String(contentsOfFile: run.file(name), encoding: .utf8)
                return sum + text.split(separator: "\n").count { $0.contains("recovered late") }
            }
    }
}
