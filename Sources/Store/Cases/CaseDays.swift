/// The days on which a case has requests and attempts, as its row keeps them: who tells its story reads the partitions of
/// these days and opens no others, which costs more than all the reading, the more so the more days are kept.
///
/// Every statement that writes a request or an attempt of a case writes its row too, and adds the day there.
enum CaseDays {
    /// Days that are kept for a case, newest known first: more than anybody reads of one.
    static let most = 200
    /// In which an attempt is written that begins now.
    static let today = "(now() AT TIME ZONE 'UTC')::date"

    /// An expression for `known`, a `date[]` without nulls, with one day more. Both are named several times in it.
    static func adding(_ day: String, to known: String) -> String {
        "CASE WHEN \(day) = ANY (\(known)) THEN \(known) ELSE (\(day) || \(known))[1:\(most)] END"
    }
}
