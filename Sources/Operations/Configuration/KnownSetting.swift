/// Settings that hold for the whole site and belong to no org or server.
public struct KnownSetting: Sendable {
    public let name: String
    /// What counts while nobody has set it.
    public let usual: String
    public let meaning: String
    let range: ClosedRange<Double>

    public static let all: [KnownSetting] = [
        KnownSetting(
            name: "latency_target_seconds", usual: "5",
            meaning:
                "from the change in Salesforce until the interaction is on its workgroup; reports measure against it",
            range: 0.1...86_400),
        KnownSetting(
            name: "request_retention_days", usual: "90",
            meaning: "days of requests that are kept; older ones are dropped with their partition, open ones never",
            range: 8...36_500),
        KnownSetting(
            name: "attempt_retention_days", usual: "90", meaning: "the same for attempts", range: 8...36_500),
    ]

    /// - Throws: `SettingError` for a name or value that is not allowed.
    static func check(_ name: String, _ value: String, at path: String) throws(SettingError) {
        guard let known = all.first(where: { $0.name == name }) else {
            throw SettingError(path, "is not known; known are \(all.map(\.name).joined(separator: ", "))")
        }
        guard let number = Double(value), known.range.contains(number) else {
            throw SettingError(
                path, "has to be a number from \(known.range.lowerBound) to \(known.range.upperBound)")
        }
    }
}
