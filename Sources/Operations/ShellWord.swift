/// A word as a shell takes it back, for commands that are printed to be typed.
public func shellWord(_ word: String) -> String {
    let isPlain =
        !word.isEmpty && word.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !#"'"\$`!*?()[]{}<>|&;#~"#.utf8.contains($0) }
    return isPlain ? word : "'" + word.replacing("'", with: #"'\''"#) + "'"
}
