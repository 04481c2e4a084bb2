import Postgres
import TestSupport
import Testing

struct PostgresConnectionTests {
    @Test func `a text that looks like SQL comes back as it was bound`() async throws {
        try await withConnection("CREATE TABLE notes (body text)") { connection, _ in
            let text = "'); DROP TABLE notes; -- \\ $1 \"'\u{1F600}\n"
            _ = try await connection.query("INSERT INTO notes VALUES ($1)", [.text(text)])
            let rows = try await connection.query(
                "SELECT body, count(*) OVER () FROM notes WHERE body = $1", [.text(text)])
            #expect(try rows[0].text(0) == text)
            #expect(try rows[0].int64(1) == 1)
        }
    }

    @Test func `the timeline is known from the start`() async throws {
        try await withConnection { connection, _ in
            let timeline = await connection.timeline
            #expect(timeline.count == 8)
            #expect(UInt32(timeline, radix: 16) != nil)
        }
    }
}
