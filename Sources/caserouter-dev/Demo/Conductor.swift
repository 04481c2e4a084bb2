import Checker
import Foundation
import Synchronization

/// Lets the work run, shows how it goes, and waits for rest.
struct Conductor {
    let workload: Workload
    let product: Product
    let crew: Crew
    let plan: Demo.Plan
    let follower: RunFollower

    /// - Returns: whether everything came to rest in time.
    func conduct() async throws -> Bool {
        let isOver = Mutex(false)
        // What happens and what is shown run side by side; the first to fail ends the other.
        let (workload, accidents) = (workload, Accidents(crew: crew, plan: plan))
        let mending = Mending(product: product)
        async let work: Void = Self.work(workload, accidents, mending) { isOver.withLock { $0 = true } }
        while !isOver.withLock({ $0 }) {
            _ = try await look()
            try await Task.sleep(for: .seconds(1))
        }
        try await work
        let atRest = try await rest()
        // The last one stays, also where nothing can be drawn again.
        Terminal.line(try await progress().text)
        return atRest
    }

    /// Does everything that happens in the demo, and tells when it is over, well or not.
    private static func work(
        _ workload: Workload, _ accidents: Accidents, _ mending: Mending, whenOver: @Sendable () -> Void
    ) async throws {
        defer { whenOver() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await workload.run() }
            group.addTask { try await accidents.happen() }
            group.addTask { try await mending.happen() }
            try await group.waitForAll()
        }
    }

    private func rest() async throws -> Bool {
        Terminal.line(
            "Everything has happened. Waiting until all is done, and marked as done in Salesforce: a minute or so …")
        let deadline = ContinuousClock.now + Demo.restLimit
        var quiet = 0
        while ContinuousClock.now < deadline {
            quiet = try await look() ? quiet + 1 : 0
            // Twice, because an observation of a sweep may be on its way.
            if quiet == 2 { return true }
            try await Task.sleep(for: .seconds(1))
        }
        return false
    }

    /// Draws the progress line and says whether nothing is under way.
    private func look() async throws -> Bool {
        if let missing = await crew.missing() {
            throw RunFailure(
                "\(missing.place.label) ended with \(missing.code): see its log in \(product.run.path)")
        }
        let progress = try await progress()
        Terminal.progress(progress.text)
        guard progress.isAtRest else { return false }
        // What CIC has lost at a switchover is offered again when it ends.
        return try await !product.holdReasons().contains("switchover")
    }

    private func progress() async throws -> (text: String, isAtRest: Bool) {
        let snapshot = try follower.look()
        let total = Accounting.total(try await product.accounting())
        let progress = workload.progress
        let text =
            "created \(progress.created)  changes \(progress.changes)  routed \(total.routed)  ignored \(total.ignored)  "
            + "pending \(total.pending)  p50 \(Self.text(snapshot.latency(0.5)))  p99 \(Self.text(snapshot.latency(0.99)))"
        return (
            text, snapshot.unmarked == 0 && total.pending == 0 && total.received == snapshot.rows + total.observed
        )
    }

    private static func text(_ microseconds: Int64?) -> String { microseconds.map { "\($0 / 1000) ms" } ?? "–" }
}

/// Kills workers while people work, one after the other.
struct Accidents: Sendable {
    let crew: Crew
    let plan: Demo.Plan

    /// Spreads the accidents over the middle of the time in which cases are made.
    func happen() async throws {
        guard let victim = plan.victim else { return }
        let all = crew.places
        let victims =
            switch victim {
            case .each: all
            case .role(let role): Array(all.filter { $0.role == role }.prefix(1))
            }
        let making = Double(plan.cases) / plan.rate
        for victim in victims {
            try await Task.sleep(for: .seconds(making * 0.8 / Double(victims.count + 1)))
            try await crew.replace(victim)
        }
    }
}
