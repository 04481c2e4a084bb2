import CaseRouting

/// What can be paused: `org:NAME`, `cic:NAME` or `workgroup:CIC/NAME`.
public struct PauseTarget: Equatable, Sendable, CustomStringConvertible {
    public let kind: Hold.Kind
    /// `NAME`, or `CIC/WORKGROUP`.
    public let name: String

    public static let forms = "org:NAME, cic:NAME or workgroup:CIC/NAME"

    /// - Throws: `Refusal` with the forms that can be read.
    public init(_ text: String) throws(Refusal) {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        guard parts.count == 2, let kind = Hold.Kind(rawValue: parts[0]) else {
            throw Refusal(.usage, "\(text.quoted) cannot be paused; TARGET is \(Self.forms)")
        }
        if kind == .workgroup {
            let place = parts[1].split(separator: "/", maxSplits: 1)
            guard place.count == 2 else {
                throw Refusal(
                    .usage, "\(text.quoted) lacks the CIC server or the workgroup: write workgroup:CIC/NAME")
            }
        }
        self.kind = kind
        name = parts[1]
    }

    public var description: String { "\(kind.rawValue):\(name)" }
}
