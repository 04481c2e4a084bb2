/// Where a fact stands: a line of a file of the run.
struct Source: Equatable, CustomStringConvertible {
    /// The file's name without its folder.
    let file: String
    let line: Int

    var description: String { line == 0 ? file : "\(file):\(line)" }
}
