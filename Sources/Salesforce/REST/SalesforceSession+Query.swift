import CaseRouting
import HTTPClient
import JSON

/// What a query brought.
struct QueryRecords<Record: Sendable>: Sendable {
    var records: [Record]
    /// False when Salesforce forgot the rest of the answer: ask again behind the last record.
    var isWhole: Bool
}

/// One page of an answer.
private struct QueryPage<Record: Sendable>: Sendable {
    var records: [Record] = []
    var isDone = true
    var next: String?
}

extension SalesforceSession {
    /// Runs a query and reads its records, over as many pages as Salesforce makes of them.
    ///
    /// - Parameters:
    ///   - soql: ordered by a key, so that an answer that breaks off can be continued behind it.
    ///   - includingDeleted: also what is in the recycle bin.
    ///   - read: reads one record; stands before it. To be lenient: what it throws fails the whole answer.
    func records<Record: Sendable>(
        _ soql: String, includingDeleted: Bool = false, _ what: String,
        _ read: @Sendable (inout JSONReader) throws -> Record
    ) async throws(RoutingFailure) -> QueryRecords<Record> {
        let base = "/services/data/v\(settings.apiVersion)/\(includingDeleted ? "queryAll" : "query")"
        var path = "\(base)?q=\(SOQL.queryEncoded(soql))"
        guard path.utf8.count < SOQL.longestURI - Self.roomForHost else {
            throw failures.failure(.transient, .salesforceError, "\(what): the query is too long.")
        }
        var all = QueryRecords<Record>(records: [], isWhole: true)
        for _ in 0..<Self.mostPages {
            let page: QueryPage<Record>
            do throws(RoutingFailure) {
                let answer = try await call(.query, .get, path, what)
                page = try decode(answer.body, what, read)
            } catch {
                // A locator lives for a while only; what was read is a beginning, which the key continues.
                guard !all.records.isEmpty, isLostLocator(error) else { throw error }
                all.isWhole = false
                return all
            }
            all.records += page.records
            if page.isDone { return all }
            guard let next = page.next, !page.records.isEmpty else {
                throw failures.failure(.transient, .salesforceError, "\(what): an answer without an end.")
            }
            path = next
        }
        all.isWhole = false
        return all
    }

    private func isLostLocator(_ failure: RoutingFailure) -> Bool {
        failure.response.map { RESTError(Array($0.body.utf8)).code == "INVALID_QUERY_LOCATOR" } ?? false
    }

    private func decode<Record: Sendable>(
        _ body: [UInt8], _ what: String, _ read: (inout JSONReader) throws -> Record
    ) throws(RoutingFailure) -> QueryPage<Record> {
        do throws(JSONError) {
            return try JSONReader.decode(body, limits: Self.limits) { reader in
                var page = QueryPage<Record>()
                var hasRecords = false
                try reader.object { key, reader in
                    switch key {
                    case "done": page.isDone = try reader.bool()
                    case "nextRecordsUrl":
                        let url = try reader.string()
                        // Anything else would send the session's token to wherever an answer says.
                        guard Self.isPath(url) else { throw reader.invalid("a path on the instance") }
                        page.next = url
                    case "records":
                        hasRecords = true
                        page.records = try reader.values(read)
                    default: break
                    }
                }
                guard hasRecords else { throw reader.missing("records") }
                return page
            }
        } catch {
            throw failures.failure(error, reading: what)
        }
    }

    private static func isPath(_ url: String) -> Bool {
        url.hasPrefix("/services/data/") && url.utf8.count <= 1_000
            && url.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || "-._/".utf8.contains($0)
            }
    }

    private static let roomForHost = 512
    /// Pages of one answer; a query never asks for more than 2,000 records, which are at most ten pages of 200.
    private static let mostPages = 100
    private static var limits: JSONLimits { JSONLimits(maximumBytes: maximumAnswer) }
}
