/// Where a case should be: an interaction on a workgroup of a CIC server, with skills, or in a user's own queue there.
public struct Wanted: Equatable, Sendable {
    /// Name of the CIC server here.
    public var cic: String
    /// The workgroup, or the `UserQueue` as it is written.
    public var workgroup: String
    /// Skill names joined by `;`, as the case and its mapping gave them; checked when the case is acted on.
    public var skills: String
    /// The mapping that said so, for the settings of its episode.
    public var mapping: Int32

    public init(cic: String, workgroup: String, skills: String, mapping: Int32) {
        self.cic = cic
        self.workgroup = workgroup
        self.skills = skills
        self.mapping = mapping
    }

    public func isSamePlace(as other: Wanted) -> Bool { cic == other.cic && workgroup == other.workgroup }
}
