#* @apiTitle Units
#* @apiDescription Converts temperatures and lengths.

#* Degrees Celsius in Fahrenheit and kelvin
#* @param celsius:dbl
#* @serializer unboxedJSON
#* @get /temperature
function(celsius) {
  celsius <- as.numeric(celsius)
  list(celsius = celsius, fahrenheit = celsius * 9 / 5 + 32, kelvin = celsius + 273.15)
}

#* Metres in feet and yards
#* @param metres:dbl
#* @serializer unboxedJSON
#* @get /length
function(metres) {
  metres <- as.numeric(metres)
  list(metres = metres, feet = round(metres / 0.3048, 3), yards = round(metres / 0.9144, 3))
}
