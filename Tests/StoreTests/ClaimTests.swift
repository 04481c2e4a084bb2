import CaseRouting
import Testing

@testable import Store

@Suite(.serialized) struct ClaimTests {
    @Test func `due cases are claimed oldest first, with their open episode, and not while leased`() async throws {
        try await StoreFixture.with { fixture in
            for number in 1...5 { try await fixture.take(.make(.created, of: number, version: 1)) }
            try await fixture.run(
                "UPDATE caserouter.cases SET next_at = now() - case_number::int * interval '1 minute'")
            let placed = try await fixture.place(.make(.created, of: 6, version: 1), interaction: InteractionID("6"))
            try await fixture.take(.make(.closed, of: 6, version: 2, isClosed: true))
            try await fixture.run(
                "UPDATE caserouter.cases SET next_at = now() - interval '1 hour' WHERE case_number = '6'")
            let first = try await fixture.store.claimDue(limit: 2, servers: StoreFixture.servers)
            #expect(Set(first.map(\.caseKey.caseID)) == [recordID("500", 5), recordID("500", 6)])
            let withEpisode = try #require(first.first { $0.caseKey == placed.caseKey })
            #expect(withEpisode.state.episode?.workgroup == "Support")
            #expect(withEpisode.epoch == 2)
            let rest = try await fixture.store.claimDue(limit: 10, servers: StoreFixture.servers)
            #expect(rest.count == 4)
            #expect(try await fixture.store.claimDue(limit: 10, servers: StoreFixture.servers).isEmpty)
        }
    }

    @Test func `a case without anything in CIC and without a wish is claimed and finished`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.take(.make(.created, version: 1))
            let closed = CaseChange.make(.closed, version: 2, isClosed: true)
            try await fixture.take(closed)
            let claim = try #require(try await fixture.store.claimDue(limit: 5, servers: []).first)
            #expect(nextStep(for: claim.state, now: claim.now) == .finish)
            #expect(try await fixture.store.finish(claim))
            #expect(try await fixture.store.read(closed).state.isDue == false)
        }
    }

    @Test(arguments: [
        Hold(kind: .cic, name: "main", reason: .breaker, detail: "ten failures"),
        Hold(kind: .org, name: "acme", reason: .paused, detail: "maintenance"),
        Hold(kind: .workgroup, name: "main/Support", reason: .paused, detail: "maintenance"),
    ])
    func `what is on hold is neither claimed by a merge nor when due, and costs no attempt`(_ hold: Hold) async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.placeHold(hold)
            try await fixture.store.placeHold(hold)
            let change = CaseChange.make(.created, version: 1)
            guard case .merged = try await fixture.take(change, claims: true, attempt: .make()) else {
                Issue.record("claimed although on hold")
                return
            }
            #expect(try await fixture.store.claimDue(limit: 5, servers: StoreFixture.servers).isEmpty)
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.episodes") == 0)
            try await fixture.run("DELETE FROM caserouter.holds")
            let claims = try await fixture.store.claimDue(limit: 5, servers: StoreFixture.servers)
            #expect(claims.first?.state.attempts == 0)
        }
    }

    @Test func `a merge while another worker holds the lease only raises the revision`() async throws {
        try await StoreFixture.with { fixture in
            let claim = try await fixture.claim(.make(.created, version: 1), attempt: .make())
            let move = CaseChange.make(.queueChanged, version: 2, owner: StoreFixture.otherQueue)
            guard case .merged = try await fixture.take(move, claims: true, attempt: .make()) else {
                Issue.record("claimed although leased")
                return
            }
            let refreshed = try #require(await fixture.store.refresh(claim))
            #expect(refreshed.epoch == claim.epoch)
            #expect(refreshed.state.revision == 2)
            #expect(refreshed.state.wanted?.workgroup == "Sales")
            #expect(refreshed.state.episode?.attempt == claim.state.episode?.attempt)
        }
    }

    @Test func `an attempt is replaced only while its episode is creating`() async throws {
        try await StoreFixture.with { fixture in
            let first = AttemptID.make(), second = AttemptID.make()
            let claim = try await fixture.claim(.make(.created, version: 1), attempt: first)
            let again = try #require(
                await fixture.store.beginCreate(claim, attempt: second, opensEpisode: false))
            #expect(again.state.episode?.attempt == second)
            #expect(again.state.episode?.number == 1)
            #expect(again.state.lastEpisode == 1)
            #expect(try await fixture.store.beginCreate(again, attempt: .make(), opensEpisode: true) == nil)
            // The older of the two attempts was the one that worked.
            let won = try #require(await fixture.store.win(again, InteractionID("1"), first))
            #expect(won.state.episode?.attempt == first)
            #expect(try await fixture.store.beginCreate(won, attempt: .make(), opensEpisode: false) == nil)
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.attempts") == 2)
        }
    }

    /// The numbers are small so that several workers are at the same case all the time.
    @Test func `several workers at the same cases never hold two live claims of one`() async throws {
        try await StoreFixture.with { fixture in
            let cases = 12, rounds = 25
            var workers: [(PostgresCaseStore, () async -> Void)] = []
            for number in 1...4 {
                let (store, connections) = try await fixture.anotherStore("worker-\(number)")
                workers.append((store, { await connections.close() }))
            }
            let register = ClaimRegister()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, (store, _)) in workers.enumerated() {
                    group.addTask {
                        for round in 1...rounds {
                            let change = CaseChange.make(
                                round.isMultiple(of: 2) ? .queueChanged : .skillsChanged,
                                of: (round * 7 + index * 3) % cases + 1, version: Int64(round),
                                owner: round % 3 == 0 ? StoreFixture.otherQueue : StoreFixture.queue,
                                skills: "S\(round)", key: "o:\(index)-\(round)")
                            var claims: [Claim] = []
                            if case .claimed(let claim) = try await fixture.take(change, claims: true, with: store) {
                                claims = [claim]
                            }
                            claims += try await store.claimDue(limit: 3, servers: StoreFixture.servers)
                            for claim in claims {
                                await register.begin(claim)
                                let state = try await store.refresh(claim)
                                #expect(state?.epoch == claim.epoch)
                                await register.end(claim)
                                try await store.release(claim, delay: .zero)
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            for (_, close) in workers { await close() }
            #expect(await register.doubled == 0)
            #expect(await register.begun > cases)
            let epochs = try await fixture.number("SELECT sum(epoch) FROM caserouter.cases")
            #expect(await register.begun == Int(epochs))
        }
    }

    private actor ClaimRegister {
        private var live: Set<CaseKey> = []
        private var seen: Set<String> = []
        var begun = 0
        var doubled = 0

        func begin(_ claim: Claim) {
            begun += 1
            if !live.insert(claim.caseKey).inserted { doubled += 1 }
            if !seen.insert("\(claim.caseKey) \(claim.epoch)").inserted { doubled += 1 }
        }

        func end(_ claim: Claim) { live.remove(claim.caseKey) }
    }
}
