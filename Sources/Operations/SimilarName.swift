/// "Did you mean": the name nearest to a wrong one, when it is near enough to be a slip.
enum SimilarName {
    /// Slips that are forgiven: one letter in three, at most three. Case, blanks, hyphens and underscores cost nothing.
    static func find(_ name: String, in known: some Collection<String>) -> String? {
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

    /// Letters to insert, delete or replace.
    private static func distance(_ one: [Character], _ other: [Character]) -> Int {
        guard abs(one.count - other.count) <= 3 else { return 4 }
        var row = Array(0...other.count)
        for (index, letter) in one.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for place in other.indices {
                let replaced = diagonal + (other[place] == letter ? 0 : 1)
                diagonal = row[place + 1]
                row[place + 1] = min(replaced, diagonal + 1, row[place] + 1)
            }
        }
        return row[other.count]
    }
}
