/// "Did you mean": the name nearest to a wrong one, when it is near enough to be a slip.
public enum SimilarName {
    /// Slips that are forgiven: one letter in three, at most three. Case, blanks, hyphens and underscores cost nothing.
    public static func find(_ name: String, in known: some Collection<String>) -> String? {
        let wanted = fold(name)
        let limit = min(3, max(1, wanted.count / 3))
        return
            known.map { (name: $0, distance: distance(wanted, fold($0))) }
            .filter { $0.distance <= limit && $0.name != name }
            .min { ($0.distance, $0.name) < ($1.distance, $1.name) }?.name
    }

    private static func fold(_ name: String) -> [Character] {
        name.prefix(200).lowercased().filter { $0 != " " && $0 != "-" && $0 != "_" }.map { $0 }
    }

    /// Letters to insert, delete or replace, or to swap with their neighbour.
    private static func distance(_ one: [Character], _ other: [Character]) -> Int {
        guard abs(one.count - other.count) <= 3 else { return 4 }
        var older: [Int] = []
        var row = Array(0...other.count)
        for (index, letter) in one.enumerated() {
            var next = [index + 1]
            for place in other.indices {
                var least = min(row[place] + (other[place] == letter ? 0 : 1), row[place + 1] + 1, next[place] + 1)
                if index > 0, place > 0, letter == other[place - 1], one[index - 1] == other[place] {
                    least = min(least, older[place - 1] + 1)
                }
                next.append(least)
            }
            (older, row) = (row, next)
        }
        return row[other.count]
    }
}
