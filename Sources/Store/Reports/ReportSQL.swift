import Operations
import Postgres

/// The statement of a report. Names in it are the report's own; whatever a person typed is a parameter.
struct ReportSQL {
    let text: String
    let parameters: [PostgresValue]
    let columns: [ReportTable.Column]

    /// - Parameters:
    ///   - from, to: microseconds since 1970.
    ///   - limit: rows to read, one more than are shown.
    init(_ request: ReportRequest, from: Int64?, to: Int64?) {
        var parameters: [PostgresValue] = [.text(request.zone)]
        func bind(_ value: PostgresValue) -> String {
            parameters.append(value)
            return "$\(parameters.count)"
        }

        var conditions: [String] = []
        for (column, value) in request.filters.sorted(by: { $0.key < $1.key }) {
            conditions.append("\(column) = \(bind(.text(value)))")
        }
        switch request.report.time {
        case .now: break
        case .moments(let column):
            if let from { conditions.append("\(column) >= \(bind(.timestamptz(from)))") }
            if let to { conditions.append("\(column) < \(bind(.timestamptz(to)))") }
        case .hours:
            // The day is what partitions are pruned by, and what indexes are by.
            if let from {
                let place = bind(.timestamptz(from))
                conditions.append("day >= (\(place) AT TIME ZONE 'UTC')::date")
                if !Self.beginsDay(from) { conditions.append("hour >= \(place)") }
            }
            if let to {
                let place = bind(.timestamptz(to))
                conditions.append("day <= ((\(place) - interval '1 microsecond') AT TIME ZONE 'UTC')::date")
                if !Self.beginsDay(to) { conditions.append("hour < \(place)") }
            }
        }
        let filter = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")

        let list: [String]
        var grouping = ""
        switch request.report.columns {
        case .rows(let columns):
            list = columns.map(\.name)
            self.columns = columns.map { ReportTable.Column(name: $0.name, kind: $0.kind, isAdditive: false) }
        case .groups(let keys, let usual, let measures):
            let chosen = (request.by ?? usual).compactMap { name in keys.first { $0.name == name } }
            list =
                chosen.map { $0.name == "day" ? Self.localDay : $0.name } + measures.map { "\($0.sql) AS \($0.name)" }
            grouping = " GROUP BY " + chosen.indices.map { "\($0 + 1)" }.joined(separator: ", ")
            self.columns =
                chosen.map { ReportTable.Column(name: $0.name, kind: $0.kind, isAdditive: false) }
                + measures.map { ReportTable.Column(name: $0.name, kind: .number, isAdditive: $0.isAdditive) }
        }
        text = """
            SELECT row_to_json(t)::text, ARRAY(SELECT value FROM json_each_text(row_to_json(t)))
            FROM (
                SELECT \(list.joined(separator: ", "))
                FROM report.\(request.report.view)\(filter)\(grouping)
                ORDER BY \(Self.order(request)) LIMIT \(bind(.int8(Int64(request.limit) + 1)))
            ) t
            WHERE $1::text IS NOT NULL
            """
        self.parameters = parameters
    }

    /// Whole days need no look at the hour of every row.
    private static func beginsDay(_ microseconds: Int64) -> Bool { microseconds % 86_400_000_000 == 0 }

    /// A person's day, not the partition's.
    private static let localDay = "(hour AT TIME ZONE $1)::date AS day"

    /// Grouped otherwise than usual, by the columns chosen.
    private static func order(_ request: ReportRequest) -> String {
        guard let by = request.by else { return request.report.order }
        return by.indices.map { "\($0 + 1)" }.joined(separator: ", ")
    }
}
