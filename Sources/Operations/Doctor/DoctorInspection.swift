/// One look at a neighbour, while it is taken: each step appends its lines.
public protocol DoctorInspection {
    /// Whom the lines are about.
    var subject: String { get }
    var lines: [DoctorLine] { get set }
}

extension DoctorInspection {
    public mutating func ok(_ check: DoctorCheck, _ sentence: String) { lines.append(.ok(check, subject, sentence)) }

    /// - Parameter remedy: in place of what the check always says.
    public mutating func warn(_ check: DoctorCheck, _ sentence: String, _ remedy: String? = nil) {
        lines.append(.warning(check, subject, sentence, remedy))
    }

    /// - Parameter remedy: in place of what the check always says.
    public mutating func fail(_ check: DoctorCheck, _ sentence: String, _ remedy: String? = nil) {
        lines.append(.failure(check, subject, sentence, remedy))
    }
}
