import Foundation
import JSON
import Testing

/// The reader and writer beside Foundation's, which is used nowhere else.
@Suite struct FoundationTests {
    @Test func `random documents survive writer and reader to the last bit`() throws {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<2_000 {
            let value = JSONValue.random(depth: 4, using: &generator)
            let read = try JSONValue(parsing: value.bytes)
            #expect(read.isIdentical(to: value), "\(value)")
            try JSONReader.decode(value.bytes) { _ in }
        }
    }

    @Test func `Foundation reads what the writer wrote`() throws {
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<1_000 {
            let value = JSONValue.random(depth: 3, using: &generator)
            let theirs = try JSONSerialization.jsonObject(with: Data(value.bytes), options: .fragmentsAllowed)
            #expect(Self.agree(value, theirs), "\(value)")
        }
    }

    @Test func `the reader reads what Foundation wrote`() throws {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<1_000 {
            let value = JSONValue.random(depth: 3, using: &generator)
            let theirs = try JSONSerialization.jsonObject(with: Data(value.bytes), options: .fragmentsAllowed)
            let options: JSONSerialization.WritingOptions =
                Bool.random(using: &generator) ? [.fragmentsAllowed, .prettyPrinted] : .fragmentsAllowed
            let written = try JSONSerialization.data(withJSONObject: theirs, options: options)
            #expect(Self.agree(try JSONValue(parsing: Array(written)), theirs), "\(value)")
        }
    }

    /// Whether both say the same. Foundation keeps neither the order of members nor the difference of 1 and 1.0, and
    /// reads some doubles a few units beside the nearest.
    static func agree(_ ours: JSONValue, _ theirs: Any) -> Bool {
        switch ours {
        case .null: return theirs is NSNull
        case .bool(let bool): return (theirs as? NSNumber).map { $0.boolValue == bool } ?? false
        case .int(let int): return (theirs as? NSNumber).map { $0.int64Value == Int64(int) } ?? false
        case .double(let double):
            return (theirs as? NSNumber).map { abs($0.doubleValue - double) <= abs(double) * 1e-14 } ?? false
        case .string(let string):
            return (theirs as? String).map { $0.unicodeScalars.elementsEqual(string.unicodeScalars) } ?? false
        case .array(let elements):
            guard let theirs = theirs as? [Any], theirs.count == elements.count else { return false }
            return zip(elements, theirs).allSatisfy(agree)
        case .object(let object):
            guard let theirs = theirs as? [String: Any], theirs.count == object.count else { return false }
            return object.allSatisfy { member in theirs[member.name].map { agree(member.value, $0) } ?? false }
        }
    }
}
