# One fit or scoring by R mirt. Arguments: the directory of the responses, then model, structure,
# task and number of groups or classes of the case. Writes estimates as CSV files, prints JSON.

suppressPackageStartupMessages(library(mirt))
options(digits = 17)

arguments <- commandArgs(trailingOnly = TRUE)
directory <- arguments[1]
model <- arguments[2]
structure <- arguments[3]
task <- arguments[4]
n_strata <- as.integer(arguments[5])

file_of <- function(name) file.path(directory, name)
status_mb <- function(field) {
  lines <- tryCatch(readLines("/proc/self/status"), error = function(e) character())
  line <- grep(paste0("^", field), lines, value = TRUE)
  if (length(line) == 0) return(NA_real_)
  as.numeric(gsub("[^0-9]", "", line)) * 1024 / 1e6
}
forget_peak <- function() {
  invisible(gc())
  try(cat("5", file = "/proc/self/clear_refs"), silent = TRUE)
}

baseline <- status_mb("VmRSS")
codes <- as.matrix(read.csv(file_of("codes.csv"), header = FALSE, colClasses = "integer"))
storage.mode(codes) <- "integer"
colnames(codes) <- paste0("item", seq_len(ncol(codes)))
q <- as.matrix(read.csv(file_of("q_matrix.csv"), header = FALSE))
itemtype <- c("2pl" = "2PL", "3pl" = "3PL", "gpcm" = "gpcm", "grm" = "graded")[[model]]

syntax <- function() {
  factors <- sapply(seq_len(ncol(q)), function(j) {
    paste0("F", j, " = ", paste(which(q[, j] == 1), collapse = ","))
  })
  free <- if (ncol(q) > 1) paste0("COV = ", paste0("F", seq_len(ncol(q)), collapse = "*"))
  mirt.model(paste(c(factors, free), collapse = "\n"))
}

estimate <- function(codes) {
  common <- list(data = codes, itemtype = itemtype, verbose = FALSE)
  if (structure == "groups") {
    group <- paste0("g", scan(file_of("groups.csv"), quiet = TRUE))
    equal <- c("slopes", "intercepts", "free_means", "free_var")
    return(do.call(multipleGroup, c(common, list(model = 1, group = group, invariance = equal))))
  }
  if (structure == "mixture") {
    type <- paste0("mixture-", n_strata)
    return(do.call(multipleGroup, c(common, list(model = 1, dentype = type))))
  }
  if (structure == "bifactor") {
    specific <- apply(q[, -1], 1, function(row) which(row == 1))
    return(do.call(bfactor, c(common, list(model = specific))))
  }
  do.call(mirt, c(common, list(model = if (ncol(q) > 1) syntax() else 1)))
}

write_estimates <- function(fitted) {
  parts <- coef(fitted, simplify = TRUE)
  if (!is.null(parts$items)) parts <- list(parts)
  for (k in seq_len(n_strata)) {
    part <- parts[[k]]
    items <- as.data.frame(part$items)
    names(items)[names(items) == "c"] <- "g"
    write.csv(items, file_of(paste0("items_", k, ".csv")), row.names = FALSE)
    mean <- if (is.null(part$means)) rep(0, ncol(q)) else part$means
    write.table(t(mean), file_of(paste0("mean_", k, ".csv")), sep = ",",
                row.names = FALSE, col.names = FALSE)
    covariance <- part$cov
    covariance[upper.tri(covariance)] <- t(covariance)[upper.tri(covariance)]
    write.table(covariance, file_of(paste0("covariance_", k, ".csv")), sep = ",",
                row.names = FALSE, col.names = FALSE)
  }
  if (structure == "mixture") {
    proportions <- sapply(parts[seq_len(n_strata)], function(part) part$class_proportion)
    writeLines(format(proportions, digits = 17), file_of("proportions.csv"))
  }
}

own_loglik <- NA_real_
if (task == "fit") {
  forget_peak()
  seconds <- system.time(fitted <- estimate(codes))[["elapsed"]]
  peak <- status_mb("VmHWM")
  own_loglik <- extract.mirt(fitted, "logLik")
  write_estimates(fitted)
} else {
  fitted <- estimate(codes[seq_len(min(5000, nrow(codes))), ])
  score <- function(codes) {
    fscores(fitted, method = "EAP", response.pattern = codes, append_response.pattern = FALSE)
  }
  forget_peak()
  if (task == "score one") {
    one <- codes[1, , drop = FALSE]
    seconds <- median(replicate(20, system.time(score(one))[["elapsed"]]))
  } else {
    seconds <- system.time(score(codes))[["elapsed"]]
  }
  peak <- status_mb("VmHWM")
}
number <- function(x) if (is.na(x)) "null" else format(x, digits = 17)
cat(sprintf("{\"version\": \"%s\", \"seconds\": %s, \"peak_mb\": %s, \"own_loglik\": %s}\n",
            packageVersion("mirt"), number(seconds), number(peak - baseline), number(own_loglik)))
