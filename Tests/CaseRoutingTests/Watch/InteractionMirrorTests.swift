import TestSupport
import Testing

@testable import CaseRouting

struct InteractionMirrorTests {
    private static let holding = "Holding"
    private static let sales = "Sales"

    private func seen(
        _ number: Int, _ state: SeenInteraction.State = .waiting
    ) throws -> SeenInteraction {
        let key = CaseKey(org: "acme", caseID: try RecordID("500000000000" + String(100 + number)))
        return SeenInteraction(
            interaction: InteractionID(String(number)), episode: EpisodeKey(key, 1),
            attempt: Sample.attempt(UInt64(number)), assignNumber: 0, state: state)
    }

    private func news(_ queue: String, _ present: [SeenInteraction], removed: [Int] = []) -> QueueContent {
        QueueContent(
            queue: queue, isFull: false, present: present, removed: removed.map { InteractionID(String($0)) })
    }

    @Test func `an interaction is in the sets of where it is seen, and in none once it has ended`() throws {
        let one = InteractionID("1")
        var mirror = InteractionMirror(holding: Self.holding, workgroups: [Self.sales])
        mirror.apply(news(Self.holding, [try seen(1)]), at: .zero)
        #expect(mirror.inHolding == [one] && mirror.unbound.isEmpty && mirror.outOfSight.isEmpty)
        // Shown on both for a moment, while it is moved.
        mirror.apply(news(Self.sales, [try seen(1)]), at: .zero)
        #expect(mirror.inHolding == [one] && mirror.unbound.isEmpty)
        mirror.apply(news(Self.holding, [], removed: [1]), at: .zero)
        #expect(mirror.inHolding.isEmpty && mirror.unbound == [one])
        mirror.update(one) { $0.isBound = true }
        #expect(mirror.unbound.isEmpty)
        mirror.apply(news(Self.sales, [try seen(1, .withAgent)]), at: .zero)
        #expect(mirror.changed == [one])
        mirror.apply(news(Self.sales, [], removed: [1]), at: .zero)
        #expect(mirror.outOfSight == [one] && mirror.changed == [one])
        mirror.end(one, .ended)
        #expect(mirror.outOfSight.isEmpty && mirror.changed.isEmpty && mirror.entries.isEmpty)
        #expect(mirror.takeEnds().map(\.interaction) == [one])
    }

    @Test func `the full content of a queue hides what it does not hold, and nothing else`() throws {
        var mirror = InteractionMirror(holding: Self.holding, workgroups: [Self.sales])
        mirror.apply(news(Self.holding, [try seen(1), try seen(2)]), at: .zero)
        mirror.apply(news(Self.sales, [try seen(3), try seen(4)]), at: .zero)
        mirror.apply(
            QueueContent(queue: Self.sales, isFull: true, present: [try seen(4), try seen(5)], removed: []), at: .zero)
        #expect(mirror.outOfSight == [InteractionID("3")])
        #expect(mirror.inHolding == [InteractionID("1"), InteractionID("2")])
        #expect(mirror.unbound == [InteractionID("4"), InteractionID("5")])
    }

    @Test func `what comes after something was forgotten is kept apart from it`() throws {
        var entries = MirrorEntries()
        var mirror = InteractionMirror(holding: Self.holding, workgroups: [Self.sales])
        mirror.apply(news(Self.sales, [try seen(1), try seen(2)]), at: .zero)
        for (interaction, entry) in mirror.entries { entries[interaction] = entry }
        entries[InteractionID("1")] = nil
        let first: InteractionMirror.Entry = try #require(mirror.entries[InteractionID("1")])
        entries[InteractionID("3")] = first
        #expect(entries.count == 2 && entries[InteractionID("1")] == nil)
        #expect(entries[InteractionID("2")]?.attempt == Sample.attempt(2))
        #expect(entries[InteractionID("3")]?.attempt == Sample.attempt(1))
        #expect(Set(entries.map(\.key)) == [InteractionID("2"), InteractionID("3")])
    }

    @Test func `what is missing after a restart is what was seen of it, though its row was read later`() throws {
        var mirror = InteractionMirror(holding: Self.holding, workgroups: [Self.sales])
        let rang = try seen(1, .alerting)
        mirror.apply(news(Self.sales, [rang]), at: .zero)
        mirror.beginSession(at: .seconds(70), silentSince: .seconds(1))
        // The restarted server gives the id to another one, and the row of the first is read.
        let other = SeenInteraction(
            interaction: rang.interaction, episode: rang.episode, attempt: Sample.attempt(2), assignNumber: 0,
            state: .waiting)
        mirror.apply(news(Self.sales, [other]), at: .seconds(71))
        mirror.isGone(
            WatchedEpisode(
                key: rang.episode, isOpen: true, state: .placed, interaction: rang.interaction, attempt: rang.attempt,
                isWithAgent: true, placedFor: .seconds(72)), at: .seconds(72))
        #expect(mirror.doubt?.missing.count == 2)
        #expect(mirror.forgetRestarted()[rang.attempt]?.isWithAgent == false)
    }
}
