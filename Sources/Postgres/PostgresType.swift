/// The column types this driver knows, in both directions and in arrays.
public enum PostgresType: UInt32, Sendable, CaseIterable {
    case bool = 16
    case bytea = 17
    case int8 = 20
    case int2 = 21
    case int4 = 23
    case text = 25
    case float8 = 701
    case date = 1082
    case timestamptz = 1184
    case uuid = 2950
    case jsonb = 3802

    /// The object id of the type itself; fixed in PostgreSQL's catalogue (`pg_type.dat`).
    var oid: UInt32 { rawValue }

    /// The object id of its array type.
    var arrayOID: UInt32 {
        switch self {
        case .bool: 1000
        case .bytea: 1001
        case .int8: 1016
        case .int2: 1005
        case .int4: 1007
        case .text: 1009
        case .float8: 1022
        case .date: 1182
        case .timestamptz: 1185
        case .uuid: 2951
        case .jsonb: 3807
        }
    }

    /// Types whose binary form can be read as this one: same bytes, or a narrower number.
    func accepts(_ oid: UInt32) -> Bool {
        if oid == self.oid { return true }
        return switch self {
        case .text: oid == 1043 || oid == 1042 || oid == 19 || oid == 705 || oid == 114
        case .int8: oid == PostgresType.int4.oid || oid == PostgresType.int2.oid
        case .int4: oid == PostgresType.int2.oid
        default: false
        }
    }

    /// The name of a type in a message; the number where it is not one of ours.
    static func name(ofOID oid: UInt32) -> String {
        if let type = PostgresType(rawValue: oid) { return "\(type)" }
        if let type = allCases.first(where: { $0.arrayOID == oid }) { return "\(type)[]" }
        return "type \(oid)"
    }
}

/// PostgreSQL counts days since 2000, this driver's callers since 1970.
enum Day {
    private static let offset: Int32 = 10_957

    static func toServer(_ day: Int32) -> Int32 {
        let (value, overflow) = day.subtractingReportingOverflow(offset)
        return overflow ? .min : value
    }
}

/// PostgreSQL counts microseconds since 2000, this driver's callers since 1970.
enum Timestamp {
    private static let offset: Int64 = 946_684_800_000_000

    /// `infinity` and `-infinity` are the largest and smallest number on both sides.
    static func toServer(_ microseconds: Int64) -> Int64 {
        if microseconds == .max { return .max }
        let (value, overflow) = microseconds.subtractingReportingOverflow(offset)
        return overflow ? .min : value
    }

    static func fromServer(_ value: Int64) -> Int64 {
        if value == .min { return .min }
        let (microseconds, overflow) = value.addingReportingOverflow(offset)
        return overflow ? .max : microseconds
    }
}
