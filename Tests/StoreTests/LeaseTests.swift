import CaseRouting
import Testing

@testable import Store

@Suite(.serialized) struct LeaseTests {
    @Test func `a lease has one holder, is renewed with its term, and passes on when it is given back or expired`()
        async throws
    {
        try await StoreFixture.with { fixture in
            let one = PostgresLeases(fixture.connections, owner: "one")
            let two = PostgresLeases(fixture.connections, owner: "two")
            let lease = try #require(await one.take(.org, "acme"))
            #expect(lease.term == 1)
            #expect(try await two.take(.org, "acme") == nil)
            #expect(try await two.take(.watch, "acme")?.term == 1)
            #expect(try await one.take(.org, "acme") == lease)

            try await one.release(lease)
            let second = try #require(await two.take(.org, "acme"))
            #expect(second.term == 2)
            // The old holder's lease is no longer the same.
            try await one.release(lease)
            #expect(try await one.take(.org, "acme") == nil)

            try await fixture.run("UPDATE caserouter.leases SET until = now() - interval '1 ms'")
            #expect(try await one.take(.org, "acme")?.term == 3)
        }
    }

    @Test func `another timeline puts every CIC server on hold once and is stored`() async throws {
        try await StoreFixture.with { fixture in
            let timeline = try await fixture.text("SELECT timeline FROM caserouter.installation")
            #expect(timeline == "00000001")
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.holds") == 0)
            try await fixture.run("UPDATE caserouter.installation SET timeline = '0000000A'")
            let (_, connections) = try await fixture.anotherStore("later")
            await connections.close()
            #expect(try await fixture.text("SELECT timeline FROM caserouter.installation") == "00000001")
            #expect(
                try await fixture.text("SELECT reason || ' ' || name FROM caserouter.holds WHERE kind = 'cic'")
                    == "lost-rows main")
            let seconds = "SELECT extract(epoch FROM until - now())::int FROM caserouter.holds WHERE kind = 'cic'"
            #expect((90...100).contains(try await fixture.number(seconds)))
        }
    }
}
