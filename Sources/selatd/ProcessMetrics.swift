import Foundation
import Glibc
import SelatService

/// The process as the kernel counts it, under the names that Prometheus's own clients use.
enum ProcessMetrics {
    static func families(since start: Date) -> [MetricFamily] {
        [
            MetricFamily(
                "process_cpu_seconds_total", .counter, "Processor time, user and system.",
                cpuSeconds),
            MetricFamily(
                "process_resident_memory_bytes", .gauge, "Resident memory.", residentBytes),
            MetricFamily("process_open_fds", .gauge, "Open descriptors.", openDescriptors),
            MetricFamily(
                "process_max_fds", .gauge, "How many descriptors may be open.", descriptorsMax),
            MetricFamily(
                "process_start_time_seconds", .gauge, "When the process started.",
                start.timeIntervalSince1970.rounded()),
        ]
    }

    private static var cpuSeconds: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double {
            Double(time.tv_sec) + Double(time.tv_usec) / 1_000_000
        }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    /// The second number of proc_pid_statm(5), in pages.
    private static var residentBytes: Double {
        guard let data = FileManager.default.contents(atPath: "/proc/self/statm") else { return 0 }
        let words = String(decoding: data, as: UTF8.self).split(separator: " ")
        return (words.dropFirst().first.flatMap { Double($0) } ?? 0) * Double(getpagesize())
    }

    private static var openDescriptors: Double {
        Double((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0)
    }

    static var descriptorsMax: Double {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return Double(limit.rlim_cur)
    }
}
