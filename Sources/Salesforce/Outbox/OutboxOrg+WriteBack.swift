import CaseRouting
import HTTPClient
import JSON

extension OutboxOrg {
    /// Rows of one call; more are refused by Salesforce.
    private static let rowsPerCall = 200

    public func markProcessed(_ rows: [RecordID]) async throws(RoutingFailure) -> [RowResult] {
        var seen: Set<RecordID> = []
        let rows = rows.filter { seen.insert($0).inserted }
        var results: [RowResult] = []
        for start in stride(from: 0, to: rows.count, by: Self.rowsPerCall) {
            results += try await mark(Array(rows[start..<min(start + Self.rowsPerCall, rows.count)]))
        }
        return results
    }

    /// Says what the rows are to be and not what to change, so doing it twice does no harm. Salesforce answers 200 even
    /// if every row failed.
    private func mark(_ rows: [RecordID]) async throws(RoutingFailure) -> [RowResult] {
        let names = settings.names
        let body = JSONWriter.object(capacity: 64 + rows.count * 128) { object in
            object.write("allOrNone", false)
            object.array("records") { records in
                for row in rows {
                    records.object { record in
                        record.object("attributes") { $0.write("type", names.object) }
                        record.write("id", row.description)
                        record.write(names.statusColumn, names.statusProcessed)
                    }
                }
            }
        }
        let answer = try await session.call(
            .update, .patch, "/services/data/v\(settings.apiVersion)/composite/sobjects", body: body, "marking rows")
        let codes: [String?]
        do throws(JSONError) {
            codes = try Self.codes(answer.body)
        } catch {
            throw failures.failure(error, reading: "marking rows")
        }
        guard codes.count == rows.count else {
            throw failures.failure(
                .transient, .salesforceError, "marking rows: \(codes.count) results for \(rows.count) rows.")
        }
        return zip(rows, codes).map { row, code in RowResult(row: row, failure: code.flatMap { failures.row($0) }) }
    }

    /// Of each row the code of its first error; nil for success.
    private static func codes(_ body: [UInt8]) throws(JSONError) -> [String?] {
        try JSONReader.decode(body) { reader in
            try reader.values { reader in
                var isDone: Bool?
                var code: String?
                try reader.object { key, reader in
                    switch key {
                    case "success": isDone = try reader.bool()
                    case "errors":
                        try reader.array { reader in
                            try reader.object { key, reader in
                                if case "statusCode" = key {
                                    let text = try reader.string()
                                    code = code ?? text
                                }
                            }
                        }
                    default: break
                    }
                }
                return try reader.required(isDone, "success") ? nil : code ?? ""
            }
        }
    }
}
