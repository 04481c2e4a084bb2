/// The calls of the day that is under way, from a count that rises from the start of the process on.
struct DailyCalls {
    private static let day: Duration = .seconds(86_400)

    private var began: Duration?
    private var before = 0

    /// - Parameters:
    ///   - total: calls since the start of the process.
    ///   - time: of the process; a day begins with the first look, and with the first one after a day has passed.
    mutating func count(_ total: Int, at time: Duration) -> Int {
        if began.map({ time - $0 >= Self.day }) ?? true {
            before = began == nil ? 0 : total
            began = time
        }
        return total - before
    }
}
