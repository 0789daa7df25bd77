#* @apiTitle Weather stations
#* @apiDescription Temperatures from the file that is mounted at /data.

readings <- read.csv("/data/data.csv", colClasses = c(date = "Date"))

#* The stations, by name
#* @get /stations
function() {
  unique(readings$station)
}

#* Lowest, mean and highest temperature of one station
#* @param station:str
#* @serializer unboxedJSON
#* @get /stations/<station>
function(station, res) {
  celsius <- readings$celsius[readings$station == station]
  if (length(celsius) == 0) {
    res$status <- 404
    return(list(error = paste("There is no station", station)))
  }
  list(station = station, lowest = min(celsius), mean = round(mean(celsius), 1), highest = max(celsius))
}

#* A chart of all readings
#* @serializer png list(width = 800, height = 400)
#* @get /chart
function() {
  stations <- unique(readings$station)
  colours <- palette.colors(length(stations) + 1)[-1]
  par(family = "Open Sans", mar = c(3, 4, 3, 1))
  plot(range(readings$date), range(readings$celsius), type = "n", main = "Temperature", xlab = "", ylab = "°C")
  for (i in seq_along(stations)) {
    of <- readings[readings$station == stations[i], ]
    lines(of$date, of$celsius, col = colours[i], lwd = 2)
  }
  legend("topleft", stations, col = colours, lwd = 2, bty = "n")
}
