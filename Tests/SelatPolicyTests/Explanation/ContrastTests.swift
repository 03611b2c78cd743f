import Foundation
import SelatCore
import Testing

@testable import SelatPolicy

/// What a page claims of its colours, computed as WCAG 2.2 defines the contrast ratio.
@Suite("Contrast")
struct ContrastTests {
    /// Ink and the paper below it: names of the page's own colours.
    static let pairs = [
        ("ink", "paper"), ("ink", "fill"), ("soft", "paper"), ("soft", "fill"), ("link", "paper"),
    ]

    @Test("text is readable in light and in dark", arguments: pairs)
    func textIsReadable(_ ink: String, _ paper: String) throws {
        let parts = Page.style.components(separatedBy: "prefers-color-scheme:dark")
        try #require(parts.count == 2)
        for part in parts {
            let ratio = try Self.ratio(Self.color(ink, in: part), Self.color(paper, in: part))
            #expect(ratio >= 7, "\(ink) on \(paper): \(ratio)")
        }
    }

    @Test(
        "the sign of each answer is readable on its field", arguments: PolicyMatrix.Answer.allCases)
    func signsAreReadable(_ answer: PolicyMatrix.Answer) throws {
        let parts = PolicyMatrix.style.components(separatedBy: "prefers-color-scheme:dark")
        try #require(parts.count == 2)
        for part in parts {
            let field = try Self.fill("m-\(answer.rawValue) rect", in: part)
            let sign = try Self.fill("m-\(answer.rawValue) text", in: part)
            #expect(Self.ratio(sign, field) >= 7, "\(answer)")
        }
    }

    /// `--ink:#1b1b1b`
    private static func color(_ name: String, in style: String) throws -> [Double] {
        try channels(after: "--\(name):#", in: style)
    }

    /// `.m-refused rect{fill:#f9d3d3`
    private static func fill(_ selector: String, in style: String) throws -> [Double] {
        try channels(after: "\(selector){fill:#", in: style)
    }

    private static func channels(after mark: String, in style: String) throws -> [Double] {
        let range = try #require(style.firstRange(of: mark))
        var digits = String(style[range.upperBound...].prefix(while: \.isHexDigit))
        if digits.count == 3 { digits = digits.map { "\($0)\($0)" }.joined() }
        let number = try #require(Int(digits, radix: 16))
        return [number >> 16, number >> 8 & 0xFF, number & 0xFF].map { Double($0) / 255 }
    }

    private static func ratio(_ a: [Double], _ b: [Double]) -> Double {
        let (light, dark) = (max(luminance(a), luminance(b)), min(luminance(a), luminance(b)))
        return (light + 0.05) / (dark + 0.05)
    }

    private static func luminance(_ color: [Double]) -> Double {
        let linear = color.map { channel in
            channel <= 0.04045 ? channel / 12.92 : pow((channel + 0.055) / 1.055, 2.4)
        }
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }
}
