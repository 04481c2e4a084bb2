import CaseRouting

/// How a person names a case: by its number, or by its id with 15 or 18 characters.
public enum CaseReference: Equatable, Sendable {
    case number(String)
    case id(RecordID)

    public init(_ text: String) {
        do throws(InvalidRecordID) {
            self = .id(try RecordID(text))
        } catch {
            self = .number(text)
        }
    }
}
