import Foundation
import JSON
import Testing

/// Documents that were right until a few bytes changed, as a broken or hostile sender makes them.
@Suite struct MutationTests {
    static let mutations = 100_000
    static let limits = JSONLimits(maximumDepth: JSONLimits.deepestPossible)

    @Test func `a mutated document is accepted or refused as Foundation does it`() throws {
        var generator = SeededGenerator(seed: 4)
        var documents: [[UInt8]] = []
        var accepted = 0
        var differences: [String: Int] = [:]
        for round in 0..<Self.mutations {
            if round % 100 == 0 { documents = Self.documents(using: &generator) }
            var bytes = documents[round % documents.count]
            Self.mutate(&bytes, using: &generator)
            let problem = Self.problem(of: bytes)
            if problem == nil { accepted += 1 }
            guard (problem == nil) != Self.foundationReads(bytes) else { continue }
            if let reason = Self.knownDifference(bytes, problem) {
                differences[reason, default: 0] += 1
            } else {
                Issue.record("we say \(problem?.description ?? "valid"), Foundation does not: \(bytes)")
            }
        }
        print("mutations: \(Self.mutations), accepted: \(accepted), known differences: \(differences)")
        #expect(accepted > Self.mutations / 100)
        #expect(accepted < Self.mutations)
    }

    /// What is wrong with a document. Read as a tree it must be refused exactly where skipping over it refuses it, but
    /// for the two rules that only reading applies; of these, Foundation knows the range of numbers.
    static func problem(of bytes: [UInt8]) -> JSONError? {
        var tree: JSONError?
        var skipped: JSONError?
        do { _ = try JSONValue(parsing: bytes, limits: limits) } catch { tree = error }
        do { try JSONReader.decode(bytes, limits: limits) { _ in } } catch { skipped = error }
        switch tree?.problem {
        case .repeatedName: return skipped
        case .numberOutOfRange: return tree
        default:
            #expect(tree == skipped, "\(bytes)")
            return skipped
        }
    }

    static func foundationReads(_ bytes: [UInt8]) -> Bool {
        do {
            _ = try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
            return true
        } catch {
            return false
        }
    }

    /// Where Foundation reads what is not JSON by RFC 8259, or refuses what is.
    static func knownDifference(_ bytes: [UInt8], _ problem: JSONError?) -> String? {
        if bytes.contains(0) { return "bytes 0 taken as a sign of UTF-16 or UTF-32" }
        guard let problem, problem.offset < bytes.count else { return nil }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { return "a byte order mark passed over" }
        let before = bytes[..<problem.offset].last { !" \n\r\t".utf8.contains($0) }
        if before == UInt8(ascii: ","), "]}".utf8.contains(bytes[problem.offset]) {
            return "a trailing comma passed over"
        }
        return nil
    }

    static func documents(using generator: inout SeededGenerator) -> [[UInt8]] {
        (0..<10).map { _ in
            var bytes = JSONValue.random(depth: 3, using: &generator).bytes
            while bytes.count < 8 || bytes.count > 600 { bytes = JSONValue.random(depth: 3, using: &generator).bytes }
            return bytes
        }
    }

    /// Changes one to three places: a byte replaced, inserted or removed, a piece repeated, the end cut off.
    static func mutate(_ bytes: inout [UInt8], using generator: inout SeededGenerator) {
        let telling =
            Array(#"{}[]:,"\/0123456789+-.eEutrfalsn dD8"#.utf8) + [
                0, 9, 10, 31, 127, 128, 191, 192, 224, 237, 240, 244, 255,
            ]
        for _ in 0..<Int.random(in: 1...3, using: &generator) where !bytes.isEmpty {
            let index = Int.random(in: bytes.indices, using: &generator)
            let byte = telling[Int.random(in: telling.indices, using: &generator)]
            switch Int.random(in: 0..<12, using: &generator) {
            case 0..<4: bytes[index] = byte
            case 4..<7: bytes.insert(byte, at: index)
            case 7..<10: bytes.remove(at: index)
            case 10: bytes.insert(contentsOf: bytes[index..<min(index + 8, bytes.count)], at: index)
            default: bytes.removeLast(bytes.count - index)
            }
        }
    }
}
