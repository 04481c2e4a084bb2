import Foundation
import ProtocolSimulation
import Synchronization

/// What operators do while everything breaks: they retry failed cases by every door, give cases up and take that back,
/// pause what can be paused for a moment, and ask for sweeps; and in the end one of them mends what the misspelt skill needs.
final class Operators: Sendable {
    private struct Failed: Decodable {
        struct Case: Decodable { let `case`: String }

        let failed: [Case]
    }

    private let scene: Scene
    private let seed: UInt64
    /// Ids of cases that were given up and not restored.
    private let discarded = Mutex<Set<String>>([])
    /// What was paused and not resumed.
    private let paused = Mutex<Set<String>>([])
    private let done = Mutex<[String: Int]>([:])

    init(scene: Scene, seed: UInt64) {
        self.scene = scene
        self.seed = seed
    }

    /// How often each thing was done.
    var deeds: [String: Int] { done.withLock { $0 } }

    /// Works for so many seconds, then adds the alias that sends the failed cases again.
    func work(seconds: Double) async throws {
        var random = SplitMix(seed: seed ^ 0x0bed)
        let end = ContinuousClock.now + .seconds(seconds)
        var hasMoved = false
        // A handle is there some seconds after its case has failed, later where something is broken at that time.
        while ContinuousClock.now < end || !hasMoved && ContinuousClock.now < end + .seconds(60) {
            try await Task.sleep(for: .seconds(Double.random(in: 2...4, using: &random)))
            // Handles first: nobody has sent the first failed cases again.
            hasMoved = try hasMoved || scene.failpoints.passed()["handle.retried"] != nil
            switch hasMoved ? Int.random(in: 0..<7, using: &random) : 1 {
            case 0: await attempt("failed", "retry", "--all", "--start")
            case 1: await attempt("queues", "move", "--from", "failed")
            case 2: try await giveUpAndRestore()
            case 3: await attempt("retries", "list")
            // As with every new version; this one has nothing new.
            case 4: await attempt("migrate")
            case 5: try await pauseAndResume(scene.pausable.randomElement(using: &random) ?? "")
            default: await attempt("sweep", scene.site.orgs.randomElement(using: &random)?.name ?? "")
            }
        }
        try await addAlias()
    }

    /// Adds what the failed cases need, unless it is there.
    private func addAlias() async throws {
        let deadline = ContinuousClock.now + .seconds(120)
        // Looked at and not believed: the answer of the one that added it may have been lost.
        while try await scene.sql("SELECT 1 FROM caserouter.aliases").isEmpty {
            guard ContinuousClock.now < deadline else { throw RunFailure("no alias can be added") }
            await attempt("aliases", "add", "cic-east", DemoSite.misspeltSkill, "German")
            try await Task.sleep(for: .seconds(1))
        }
    }

    /// After all faults: nothing stays given up or failed.
    func tidyUp() async throws {
        // A failover may have taken with it what was typed right before, and people have to type it again.
        try await addAlias()
        for id in discarded.withLock({ $0 }) { try await restore(id) }
        for target in paused.withLock({ $0 }) { try await scene.resume(target) }
        // One by one: a bulk retry leaves out those whose case a person has taken since.
        _ = try await scene.retryFailed()
    }

    func failed() async throws -> [String] {
        let output = try await scene.product.output("operator-failed", ["failed", "list", "--json"])
        return try JSONDecoder().decode(Failed.self, from: output).failed.map(\.case)
    }

    private func giveUpAndRestore() async throws {
        // While the database is away there is no list, and nothing to do.
        guard let id = try? await failed().first else { return }
        guard await attempt("failed", "discard", id, "--reason", "campaign") else { return }
        discarded.withLock { _ = $0.insert(id) }
        try await Task.sleep(for: .seconds(2))
        if await attempt("failed", "restore", id) { discarded.withLock { _ = $0.remove(id) } }
    }

    /// Seconds that nothing is offered because of it: far less than any bound of a recovery.
    private static let pauseLength = Duration.seconds(2)

    private func pauseAndResume(_ target: String) async throws {
        // Noted first: it may be paused although the answer was lost.
        paused.withLock { _ = $0.insert(target) }
        if await attempt("pause", target, "--why", "campaign operator") { try await Task.sleep(for: Self.pauseLength) }
        try await scene.resume(target)
        paused.withLock { _ = $0.remove(target) }
        done.withLock { $0["resume", default: 0] += 1 }
    }

    private func restore(_ id: String) async throws {
        // It may have been restored although the answer was lost, or routed for a newer change.
        await attempt("failed", "restore", id)
        discarded.withLock { _ = $0.remove(id) }
    }

    /// Gives a command once. That it may fail is the point: its neighbours are being broken.
    @discardableResult
    private func attempt(_ words: String...) async -> Bool {
        let isDone: Bool
        do {
            _ = try await scene.product.output("operator", words)
            isDone = true
        } catch {
            isDone = false
        }
        // Of `pause org:acme` only what it is that is paused.
        let name =
            words.prefix(2).map { String($0.prefix { $0 != ":" }) }.joined(separator: " ")
            + (isDone ? "" : " (not done)")
        done.withLock { $0[name, default: 0] += 1 }
        return isDone
    }
}
